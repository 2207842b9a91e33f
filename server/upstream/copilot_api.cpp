#include "server/upstream/copilot_api.h"

#include <utility>

#include "protocol/upstream.h"
#include "server/base/deadline.h"
#include "server/net/credentials.h"
#include "server/net/retry.h"

namespace jumpseat {
namespace {

constexpr std::size_t max_error_body = 64u << 10;
constexpr std::size_t max_models_body = 8u << 20;
constexpr std::chrono::seconds forbidden_memory{60};

// The body of a refusal, as far as it is worth reading.
awaitable<std::string> read_error_body(ResponseStream& reply) {
  std::string body;
  while (body.size() < max_error_body) {
    auto bytes = co_await reply.next();
    if (!bytes || bytes->empty()) break;
    body += *bytes;
  }
  if (body.size() > max_error_body) body.resize(max_error_body);
  co_return body;
}

// A body that should come soon; a refusal whose text hangs is still a refusal.
awaitable<std::string> error_body(ResponseStream& reply) {
  auto body = co_await with_deadline(read_error_body(reply), std::chrono::seconds(10));
  co_return body ? std::move(*body) : std::string();
}

}  // namespace

HttpRequest CopilotApi::request(std::string_view method, CopilotAccess const& access,
                                std::string_view route, std::string_view intent) const {
  auto url = access.api;
  // A base may have a path of its own; it never ends with a slash.
  if (url.target == "/") url.target.clear();
  url.target += route;
  HttpRequest request{std::string(method), url.text()};
  auto const& identity = config_.identity;
  add_identity(request.headers, identity);
  auto add = [&](char const* name, std::string_view value) {
    if (!value.empty()) request.headers.emplace_back(name, value);
  };
  add("Copilot-Integration-Id", identity.integration_id);
  add("X-GitHub-Api-Version", identity.api_version);
  add("OpenAI-Intent", intent);
  // Streams are read as they come; a compressed one would be held back by its compressor.
  request.headers.emplace_back("Accept-Encoding", "identity");
  request.headers.emplace_back("X-Request-Id", random_uuid());
  request.authorization = authorization("Bearer", access.token);
  return request;
}

bool CopilotApi::may_replay(int status) const {
  if (status == 401) return true;
  return status == 403 && clock_.elapsed() >= forbidden_until_;
}

awaitable<Result<ChatReply>> CopilotApi::chat(ChatCall call) {
  bool token_replayed = false;
  bool repeated = false;
  while (true) {
    auto access = co_await tokens_.get();
    if (!access) co_return access.error();

    auto request =
        this->request("POST", *access, "/chat/completions", config_.identity.openai_intent);
    request.headers.emplace_back("Content-Type", "application/json");
    // A replay after 401/403, or of a request that never left, is the first one that counts: the
    // initiator stays what it is.
    request.headers.emplace_back("X-Initiator",
                                 call.initiator == Initiator::user ? "user" : "agent");
    if (call.vision == ChatCall::Vision::images)
      request.headers.emplace_back("Copilot-Vision-Request", "true");
    request.body = call.body;
    request.timeouts.first_byte = config_.request_timeout;
    request.timeouts.idle = config_.request_timeout;

    auto reply = co_await http_.open(std::move(request));
    if (!reply) {
      if (reply.error().unsent() && !repeated) {
        repeated = true;
        continue;
      }
      co_return reply.error().within("Cannot reach Copilot");
    }
    auto const status = reply->status();
    if (status >= 200 && status < 300) co_return ChatReply(std::move(*reply), access->api.host);

    auto const body = co_await error_body(*reply);
    if (!token_replayed && may_replay(status)) {
      token_replayed = true;
      tokens_.reject(access->generation);
      continue;
    }
    if (status == 403 && token_replayed) forbidden_until_ = clock_.elapsed() + forbidden_memory;
    if (status == 401) tokens_.reject(access->generation);
    co_return read_upstream_error(status, reply->headers().fields, body, access->api.host,
                                  call.asked_model, clock_.unix_seconds());
  }
}

awaitable<Result<ModelsReply>> CopilotApi::models(std::string etag) {
  bool token_replayed = false;
  while (true) {
    auto access = co_await tokens_.get();
    if (!access) co_return access.error();
    auto make = [&] {
      auto request = this->request("GET", *access, "/models", "model-access");
      if (!etag.empty()) request.headers.emplace_back("If-None-Match", etag);
      request.max_body = max_models_body;
      request.timeouts.first_byte = std::chrono::seconds(30);
      request.timeouts.idle = std::chrono::seconds(15);
      return request;
    };
    auto reply = co_await send_repeatable(http_, make, config_.max_retries);
    if (!reply) co_return reply.error().within("Cannot get the list of models");
    if (!token_replayed && may_replay(reply->status)) {
      token_replayed = true;
      tokens_.reject(access->generation);
      continue;
    }
    if (reply->status == 401) tokens_.reject(access->generation);
    if (reply->status == 403 && token_replayed)
      forbidden_until_ = clock_.elapsed() + forbidden_memory;
    ModelsReply out;
    out.account = access->account;
    if (reply->status == 304 && !etag.empty()) {
      out.not_modified = true;
      co_return std::move(out);
    }
    if (reply->status < 200 || reply->status >= 300) {
      co_return read_upstream_error(reply->status, reply->headers.fields, reply->body,
                                    access->api.host, {}, clock_.unix_seconds());
    }
    out.body = std::move(reply->body);
    out.etag = std::string(reply->headers.get("etag"));
    co_return std::move(out);
  }
}

}  // namespace jumpseat
