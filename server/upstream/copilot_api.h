// The calls to Copilot's own service ("CAPI"): models and chat. Every call gets a token that is
// fresh, the host that belongs to it and the headers that say who we are; a token that Copilot
// refuses before the first byte costs one new exchange and one replay.
#pragma once

#include <optional>
#include <string>

#include "protocol/chat_request.h"
#include "protocol/result.h"
#include "server/auth/token_service.h"
#include "server/base/config.h"
#include "server/net/http_client.h"

namespace jumpseat {

struct ChatCall {
  ChatCall() = default;
  HttpBody body;            // upstream's own request
  std::string asked_model;  // for messages
  Initiator initiator = Initiator::user;
  enum class Vision { none, images } vision = Vision::none;
};

// A 2xx reply whose body has not been read, and the host that sent it.
struct ChatReply {
  ChatReply(ResponseStream reply, std::string from)
      : stream(std::move(reply)), host(std::move(from)) {}
  ResponseStream stream;
  std::string host;
};

struct ModelsReply {
  ModelsReply() = default;
  bool not_modified = false;  // 304: the caller's list is still right
  std::string body;
  std::string etag;
  std::optional<std::int64_t> account;  // whose list it is
};

class CopilotApi {
 public:
  CopilotApi(HttpClient& http, TokenService& tokens, Clock& clock, Config const& config)
      : http_(http), tokens_(tokens), clock_(clock), config_(config) {}

  // POST /chat/completions. Repeated at most
  // once: when the request provably never left, or after a new token. Any other status is the error
  // it means.
  awaitable<Result<ChatReply>> chat(ChatCall call);
  // GET /models. `etag` of the list at hand, or empty.
  awaitable<Result<ModelsReply>> models(std::string etag);

 private:
  HttpRequest request(std::string_view method, CopilotAccess const& access, std::string_view route,
                      std::string_view intent) const;
  bool may_replay(int status) const;

  HttpClient& http_;
  TokenService& tokens_;
  Clock& clock_;
  Config const& config_;
  // A 403 that a new token did not cure is policy; for a minute it is passed on without a new
  // exchange.
  std::chrono::milliseconds forbidden_until_{0};
};

}  // namespace jumpseat
