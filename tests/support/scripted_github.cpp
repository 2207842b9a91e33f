#include "tests/support/scripted_github.h"

#include <stdexcept>
#include <utility>

namespace jumpseat {
namespace {

std::string_view route_of(std::string_view request) {
  auto const begin = request.find(' ') + 1;
  return request.substr(begin, request.find(' ', begin) - begin);
}

}  // namespace

ScriptedGitHub::ScriptedGitHub()
    : server_([this](ScriptedConnection& connection) { serve(connection); }) {}

void ScriptedGitHub::answer(std::string const& route, int status, std::string body,
                            std::string headers) {
  {
    std::lock_guard const lock(mutex_);
    replies_.erase(route);
  }
  then(route, status, std::move(body), std::move(headers));
}

void ScriptedGitHub::then(std::string const& route, int status, std::string body,
                          std::string headers) {
  std::string reply = "HTTP/1.1 " + std::to_string(status) + " Said\r\n" + std::move(headers);
  if (status != 304) {
    reply +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  reply += "\r\n" + std::move(body);
  std::lock_guard const lock(mutex_);
  replies_[route].push_back(std::move(reply));
}

void ScriptedGitHub::grant(std::string_view token, std::int64_t now_unix, std::string_view more) {
  std::string body = R"({"token":")";
  body.append(token).append(R"(","expires_at":)").append(std::to_string(now_unix + 1800));
  body.append(R"(,"refresh_in":1500)").append(more).append("}");
  answer(exchange_route, 200, std::move(body));
}

void ScriptedGitHub::hold_answers() {
  std::lock_guard const lock(mutex_);
  hold_ = true;
}

void ScriptedGitHub::serve(ScriptedConnection& connection) {
  while (true) {
    auto const request = connection.read_request();
    if (request.empty()) return;
    bool hold = false;
    {
      std::lock_guard const lock(mutex_);
      hold = hold_;
    }
    if (hold) connection.wait_for_test();
    if (!connection.write(reply_to(request))) return;
  }
}

std::string ScriptedGitHub::reply_to(std::string const& request) {
  std::lock_guard const lock(mutex_);
  auto const found = replies_.find(route_of(request));
  if (found == replies_.end()) return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  auto& replies = found->second;
  auto reply = replies.front();
  if (replies.size() > 1) replies.pop_front();
  return reply;
}

std::size_t ScriptedGitHub::count(std::string_view route) const {
  std::size_t count = 0;
  for (auto const& request : server_.requests()) count += route_of(request) == route ? 1u : 0u;
  return count;
}

std::string ScriptedGitHub::last(std::string_view route) const {
  std::string last;
  for (auto& request : server_.requests()) {
    if (route_of(request) == route) last = std::move(request);
  }
  return last;
}

Issuer ScriptedGitHub::issuer() const {
  auto github = issuer_for_endpoint("https://api.github.com");
  if (!github) throw std::runtime_error(github.error().message());
  auto issuer =
      issuer_with_urls(*github, server_.url("/login/device/code"),
                       server_.url("/login/oauth/access_token"), server_.url(exchange_route));
  if (!issuer) throw std::runtime_error(issuer.error().message());
  return *std::move(issuer);
}

}  // namespace jumpseat
