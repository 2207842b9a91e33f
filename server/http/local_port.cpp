#include "server/http/local_port.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>

#include "protocol/json.h"
#include "protocol/upstream.h"
#include "server/base/deadline.h"
#include "server/base/log.h"
#include "server/http/peer_owner.h"

namespace jumpseat {
namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds patience{1500};      // for answers under way, at the end
constexpr std::chrono::milliseconds introduction{2000};  // for another process to say who it is
constexpr std::chrono::milliseconds pause_between{200};  // before a port is looked at again
constexpr std::size_t longest_introduction = 64u << 10;

class Changing {
 public:
  explicit Changing(bool& flag) : flag_(flag), before_(flag) { flag_ = true; }
  Changing(Changing const&) = delete;
  Changing& operator=(Changing const&) = delete;
  ~Changing() { flag_ = before_; }

 private:
  bool& flag_;
  bool before_;
};

tcp::endpoint first_endpoint(HttpServer::Address const& address) {
  if (address.host == "localhost") return {asio::ip::address_v4::loopback(), address.port};
  auto host = address.host;
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  boost::system::error_code ignored;
  return {asio::ip::make_address(host, ignored), address.port};
}

}  // namespace

// Another process of ours, over the connection on which it introduced itself. The connection ends
// when the process does.
struct LocalPort::Neighbour {
  explicit Neighbour(asio::io_context& io) : socket(io) {}
  TcpSocket socket;
  std::int64_t pid = 0;
};

void LocalPort::build() {
  if (server_) return;
  HttpServer::Parts parts{parts_.io, parts_.clock, router_};
  parts.max_connections = parts_.config.max_connections;
  parts.origins = parts_.config.allowed_origins;
  server_ = std::make_unique<HttpServer>(std::move(parts));
  RouteParts const routes{parts_.tokens,      parts_.catalog,  parts_.chat,  parts_.embeddings,
                          parts_.completions, parts_.cache,    parts_.usage, parts_.clock,
                          parts_.config,      parts_.throttle, *server_,     metrics_,
                          parts_.version};
  add_chat_routes(router_, routes);
  add_embedding_routes(router_, routes);
  add_completion_routes(router_, routes);
  add_usage_routes(router_, routes);
  add_model_routes(router_, routes);
  add_health_routes(router_, routes);
  add_metrics_routes(router_, routes);
  server_->observe([this](RequestRecord const& record) {
    metrics_.served(record);
    if (!listener_) return;
    ServedRequest served;
    served.method = record.method;
    served.path = record.path;
    served.asked_model = record.asked_model;
    served.model = record.model;
    served.status = record.status;
    served.error_code = record.error_code;
    served.duration = record.duration;
    served.prompt_tokens = record.prompt_tokens;
    served.completion_tokens = record.completion_tokens;
    listener_(served);
  });
}

std::string LocalPort::url() const {
  auto host = address_.host;
  if (host.find(':') != std::string::npos && host.front() != '[') host = "[" + host + "]";
  auto const port = kind_ == PortState::Kind::open ? server_->port() : address_.port;
  return "http://" + host + ":" + std::to_string(port);
}

PortState LocalPort::state() const {
  PortState state;
  state.kind = kind_;
  if (kind_ == PortState::Kind::closed) return state;
  state.url = url();
  // The program that asked for the port hands the key on to its clients.
  state.key = key_.reveal();
  state.pid = kind_ == PortState::Kind::open ? ::getpid() : owner_;
  if (kind_ == PortState::Kind::open) {
    state.connections = server_->connections();
    state.requests = server_->requests();
  }
  return state;
}

Result<void> LocalPort::open() {
  build();
  auto opened = server_->listen(address_, ClientKey(key_));
  if (opened) kind_ = PortState::Kind::open;
  return opened;
}

awaitable<Result<PortState>> LocalPort::start(PortOptions options) {
  auto const& config = parts_.config;
  HttpServer::Address wanted;
  wanted.host = options.host.value_or(config.host);
  wanted.port = options.port.value_or(config.port);
  if (config.allow_remote) wanted.allow = HttpServer::Address::Allow::remote;
  Secret key = config.api_key;
  if (options.key) key = std::move(*options.key);

  if (changing_) {
    co_return fail(ErrorCode::port_unavailable, "The port is just being opened or closed.");
  }
  if (kind_ != PortState::Kind::closed) {
    bool const same_port = wanted.port == address_.port ||
                           (kind_ == PortState::Kind::open && wanted.port == server_->port());
    if (wanted.host == address_.host && same_port && key == key_) co_return state();
    co_return fail(ErrorCode::port_unavailable,
                   "The port is open already, at " + url() + ". Stop it first.");
  }
  address_ = std::move(wanted);
  key_ = std::move(key);
  if (!key_.empty()) log::protect(key_, "client-key");
  auto opened = open();
  if (opened) co_return state();
  if (opened.error().code() != ErrorCode::port_unavailable ||
      options.when_taken == PortOptions::WhenTaken::fail || address_.port == 0) {
    co_return opened.error();
  }
  Changing const changing(changing_);
  auto neighbour = co_await meet();
  if (!neighbour) {
    log::info("http", "the port's owner is not one of ours",
              {{"why", neighbour.error().message()}});
    // A neighbour with another key is a better reason than a port in use.
    if (neighbour.error().code() == ErrorCode::port_unavailable) co_return neighbour.error();
    co_return opened.error();
  }
  kind_ = PortState::Kind::shared;
  owner_ = (*neighbour)->pid;
  waiting_ = parts_.background.spawn("http share", wait_for_turn(std::move(*neighbour)));
  co_return state();
}

awaitable<> LocalPort::stop() {
  Changing const changing(changing_);
  auto const kind = kind_;
  kind_ = PortState::Kind::closed;
  if (kind == PortState::Kind::shared) parts_.background.cancel(waiting_);
  if (kind == PortState::Kind::open) co_await server_->stop(patience);
}

namespace {

// The head and the body of the reply, or what came until the connection ended.
awaitable<std::string> exchange(TcpSocket& socket, tcp::endpoint endpoint, std::string request) {
  boost::system::error_code problem;
  auto token = asio::redirect_error(use_awaitable, problem);
  co_await socket.async_connect(endpoint, token);
  std::string reply;
  if (problem) co_return reply;
  // A hundred bytes into a fresh connection: they fit.
  socket.write_some(asio::buffer(request), problem);
  std::array<char, 2048> piece;
  while (!problem && reply.size() < longest_introduction) {
    auto const size = co_await socket.async_read_some(asio::buffer(piece), token);
    reply.append(piece.data(), size);
    auto const end = reply.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    constexpr std::string_view name = "content-length: ";
    auto const length = reply.find(name);
    if (length > end) break;
    auto const body = std::strtoul(reply.c_str() + length + name.size(), nullptr, 10);
    if (reply.size() >= end + 4 + body) break;
  }
  co_return reply;
}

}  // namespace

// Asks the owner of the port who it is. The port may belong to anybody, so it is asked only when
// the kernel says that it is a process of this user: another user's would get the key, and later
// the prompts.
awaitable<Result<std::unique_ptr<LocalPort::Neighbour>>> LocalPort::meet() {
  auto const endpoint = first_endpoint(address_);
  if (!listener_is_ours(endpoint))
    co_return fail(ErrorCode::client_refused, "another user's process has the port");
  auto neighbour = std::make_unique<Neighbour>(parts_.io);
  auto const port = std::to_string(address_.port);
  std::string request = "GET /status HTTP/1.1\r\nHost: localhost:" + port + "\r\n";
  if (!key_.empty()) request.append("Authorization: Bearer ").append(key_.reveal()).append("\r\n");
  request += "\r\n";
  auto reply = co_await with_deadline(exchange(neighbour->socket, endpoint, std::move(request)),
                                      introduction);
  auto const split = reply ? reply->find("\r\n\r\n") : std::string::npos;
  if (split == std::string::npos) co_return fail(ErrorCode::client_refused, "no HTTP reply");
  std::string_view const head(reply->data(), split);
  if (head.find("\r\nserver: jumpseat") == std::string_view::npos)
    co_return fail(ErrorCode::client_refused, "the reply is another program's");
  if (head.starts_with("HTTP/1.1 401")) {
    co_return fail(ErrorCode::port_unavailable,
                   "The port " + port + " is served by another Jumpseat, " +
                       describe_listener(endpoint) +
                       ", with another client key (JUMPSEAT_API_KEY). Use that key, or another "
                       "PORT.");
  }
  auto body = parse_json(std::string_view(*reply).substr(split + 4));
  auto const* object = body ? body->if_object() : nullptr;
  auto const* pid = object != nullptr ? object->if_contains("pid") : nullptr;
  if (pid == nullptr || !pid->is_int64())
    co_return fail(ErrorCode::client_refused, "the reply is none of ours");
  neighbour->pid = pid->get_int64();
  co_return std::move(neighbour);
}

awaitable<> LocalPort::wait_for_turn(std::unique_ptr<Neighbour> neighbour) {
  while (true) {
    // Its end is the end of the connection; it also closes connections that idle.
    boost::system::error_code problem;
    auto token = asio::redirect_error(use_awaitable, problem);
    std::array<char, 256> piece;
    while (!problem) co_await neighbour->socket.async_read_some(asio::buffer(piece), token);
    if (kind_ != PortState::Kind::shared) co_return;

    auto opened = open();
    if (opened) {
      log::info("http", "the port is ours now", {{"url", url()}});
      co_return;
    }
    // Still there, or somebody was faster.
    auto next = co_await meet();
    if (!next) {
      // A process that is just starting or ending may not answer yet.
      co_await sleep_for(pause_between);
      opened = open();
      if (opened) co_return;
      next = co_await meet();
    }
    if (!next) {
      kind_ = PortState::Kind::closed;
      log::failure("http", opened.error());
      co_return;
    }
    neighbour = std::move(*next);
    owner_ = neighbour->pid;
  }
}

}  // namespace jumpseat
