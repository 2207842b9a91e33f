// The calls to Copilot's own service ("CAPI"): models, chat, embeddings, inline completions. Every
// call gets a token that is fresh, the host that belongs to it and the headers that say who we are;
// a token that Copilot refuses before the first byte costs one new exchange and one replay. Calls
// that make Copilot work pass the Throttle first.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/chat_request.h"
#include "protocol/result.h"
#include "server/auth/token_service.h"
#include "server/base/config.h"
#include "server/net/http_client.h"
#include "server/upstream/throttle.h"

namespace jumpseat {

struct ChatCall {
  ChatCall() = default;
  HttpBody body;            // upstream's own request
  std::string asked_model;  // for messages
  std::string model;        // upstream's id
  Initiator initiator = Initiator::user;
  enum class Vision { none, images } vision = Vision::none;
};

// A request for POST /embeddings, or for the engine of the inline completions.
struct WorkCall {
  WorkCall() = default;
  HttpBody body;            // upstream's own request
  std::string asked_model;  // for messages
  std::string model;        // upstream's id
  Initiator initiator = Initiator::user;
};

// A 2xx reply whose body has not been read, and the host that sent it. Its place in the Throttle is
// given back with it.
struct CopilotReply {
  CopilotReply(ResponseStream reply, std::string from, Throttle::Place taken)
      : stream(std::move(reply)), host(std::move(from)), place(std::move(taken)) {}
  ResponseStream stream;
  std::string host;
  Throttle::Place place;
};
using ChatReply = CopilotReply;

struct ModelsReply {
  ModelsReply() = default;
  bool not_modified = false;  // 304: the caller's list is still right
  std::string body;
  std::string etag;
  std::optional<std::int64_t> account;  // whose list it is
};

class CopilotApi {
 public:
  CopilotApi(HttpClient& http, TokenService& tokens, Throttle& throttle, Clock& clock,
             Config const& config);

  // POST /chat/completions. Repeated at most
  // once: when the request provably never left, or after a new token. Any other status is the error
  // it means.
  awaitable<Result<ChatReply>> chat(ChatCall call);
  // POST /embeddings; likewise.
  awaitable<Result<CopilotReply>> embeddings(WorkCall call);
  // POST /v1/engines/MODEL/completions on the host of the inline completions; likewise.
  awaitable<Result<CopilotReply>> completions(WorkCall call);
  // GET /models. `etag` of the list at hand, or empty.
  awaitable<Result<ModelsReply>> models(std::string etag);

 private:
  // One call that makes Copilot work, wherever it goes.
  struct Work {
    Work() = default;
    enum class Host { api, completions } host = Host::api;
    std::string route;
    std::string_view intent;  // of the configuration, or a constant
    HttpBody body;
    std::string asked_model;
    std::string model;
    std::optional<Initiator> initiator;
    ChatCall::Vision vision = ChatCall::Vision::none;
  };
  awaitable<Result<CopilotReply>> post(Work work);
  Result<awaitable<Result<ResponseStream>>> open(Work const& work, CopilotAccess const& access,
                                                 Url const& base);
  RequestHeaders headers(std::string_view intent) const;
  RequestHeaders headers_of(Work const& work) const;
  bool may_replay(int status) const;

  HttpClient& http_;
  TokenService& tokens_;
  Throttle& throttle_;
  Clock& clock_;
  Config const& config_;
  RequestHeaders const common_headers_;  // the same in every request
  // A 403 that a new token did not cure is policy; for a minute it is passed on without a new
  // exchange.
  std::chrono::milliseconds forbidden_until_{0};
};

}  // namespace jumpseat
