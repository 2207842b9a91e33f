#include "server/upstream/copilot_api.h"

#include <utility>

#include "protocol/upstream.h"
#include "server/base/deadline.h"
#include "server/net/credentials.h"
#include "server/net/retry.h"

namespace jumpseat {
namespace {

constexpr std::size_t usual_headers = 640;  // bytes of a request's headers, seldom more
constexpr std::size_t max_error_body = 64u << 10;
constexpr std::size_t max_models_body = 8u << 20;
constexpr std::chrono::seconds forbidden_memory{60};

// Nobody was there to answer: the way is at fault, not the call.
bool is_of_the_way(ErrorCode code) {
  return code == ErrorCode::upstream_unreachable || code == ErrorCode::dns_failed ||
         code == ErrorCode::tls_failed || code == ErrorCode::proxy_failed;
}

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

RequestHeaders common_headers(ClientIdentity const& identity) {
  RequestHeaders headers;
  add_identity(headers, identity);
  headers.add_unless_empty("Copilot-Integration-Id", identity.integration_id);
  headers.add_unless_empty("X-GitHub-Api-Version", identity.api_version);
  // Streams are read as they come; a compressed one would be held back by its compressor.
  headers.add("Accept-Encoding", "identity");
  return headers;
}

}  // namespace

CopilotApi::CopilotApi(HttpClient& http, TokenService& tokens, Throttle& throttle, Clock& clock,
                       Config const& config)
    : http_(http),
      tokens_(tokens),
      throttle_(throttle),
      clock_(clock),
      config_(config),
      common_headers_(common_headers(config.identity)) {}

RequestHeaders CopilotApi::headers(std::string_view intent) const {
  RequestHeaders headers;
  headers.reserve(usual_headers);
  headers.add(common_headers_);
  headers.add_unless_empty("OpenAI-Intent", intent);
  headers.add("X-Request-Id", random_uuid());
  return headers;
}

RequestHeaders CopilotApi::headers_of(Work const& work) const {
  auto headers = this->headers(work.intent);
  headers.add("Content-Type", "application/json");
  // A replay after 401/403, or of a request that never left, is the first one that counts: the
  // initiator stays what it is.
  if (work.initiator)
    headers.add("X-Initiator", *work.initiator == Initiator::user ? "user" : "agent");
  if (work.vision == ChatCall::Vision::images) headers.add("Copilot-Vision-Request", "true");
  if (work.host == Work::Host::completions) headers.add("OpenAI-Organization", "github-copilot");
  return headers;
}

bool CopilotApi::may_replay(int status) const {
  if (status == 401) return true;
  return status == 403 && clock_.elapsed() >= forbidden_until_;
}

awaitable<Result<ChatReply>> CopilotApi::chat(ChatCall call) {
  Work work;
  work.route = "/chat/completions";
  work.intent = config_.identity.openai_intent;
  work.body = std::move(call.body);
  work.asked_model = std::move(call.asked_model);
  work.model = std::move(call.model);
  work.initiator = call.initiator;
  work.vision = call.vision;
  return post(std::move(work));
}

awaitable<Result<CopilotReply>> CopilotApi::embeddings(WorkCall call) {
  Work work;
  work.route = "/embeddings";
  work.intent = config_.identity.openai_intent;
  work.body = std::move(call.body);
  work.asked_model = std::move(call.asked_model);
  work.model = std::move(call.model);
  work.initiator = call.initiator;
  return post(std::move(work));
}

awaitable<Result<CopilotReply>> CopilotApi::completions(WorkCall call) {
  Work work;
  work.host = Work::Host::completions;
  work.route = "/v1/engines/" + form_encode(call.model) + "/completions";
  work.intent = "copilot-ghost";
  work.body = std::move(call.body);
  work.asked_model = std::move(call.asked_model);
  work.model = std::move(call.model);
  return post(std::move(work));
}

// Fails when no URL can be made. Not in post() itself, which would keep room for a request as long
// as it waits for the reply.
Result<awaitable<Result<ResponseStream>>> CopilotApi::open(Work const& work,
                                                           CopilotAccess const& access,
                                                           Url const& base) {
  auto url = base.below(work.route);
  if (!url) return url.error();
  HttpRequest request("POST", *std::move(url));
  request.headers = headers_of(work);
  request.authorization = access.authorization;
  request.body = work.body;
  request.timeouts.first_byte = config_.request_timeout;
  request.timeouts.idle = config_.request_timeout;
  return http_.open(std::move(request));
}

awaitable<Result<CopilotReply>> CopilotApi::post(Work work) {
  if (auto refusal = throttle_.refusal(work.model)) co_return std::move(*refusal);
  Throttle::Place place;
  if (throttle_.limited()) {
    auto taken = co_await throttle_.enter(work.model);
    if (!taken) co_return taken.error();
    place = std::move(*taken);
  }
  bool token_replayed = false;
  bool repeated = false;
  while (true) {
    auto access = tokens_.at_hand();
    if (!access) {
      auto obtained = co_await tokens_.get();
      if (!obtained) co_return obtained.error();
      access = std::move(*obtained);
    }
    bool const to_api = work.host == Work::Host::api;
    if (!to_api && !access->completions) {
      co_return fail(ErrorCode::host_refused,
                     "GitHub named a host for inline completions that may not see this sign-in; "
                     "nothing was sent. Leave out `suffix` to ask a chat model.");
    }
    auto const& base = to_api ? access->api : *access->completions;
    auto opening = open(work, *access, base);
    if (!opening) co_return opening.error();
    auto reply = co_await std::move(*opening);
    if (!reply) {
      throttle_.unanswered(work.model);
      if (reply.error().unsent() && !repeated) {
        repeated = true;
        continue;
      }
      if (is_of_the_way(reply.error().code())) tokens_.unreachable(reply.error());
      co_return reply.error().within("Cannot reach Copilot");
    }
    tokens_.reached();
    auto const status = reply->status();
    if (status >= 200 && status < 300) {
      throttle_.good(work.model);
      co_return CopilotReply(std::move(*reply), base.host, std::move(place));
    }

    auto const body = co_await error_body(*reply);
    if (!token_replayed && may_replay(status)) {
      throttle_.refused(work.model, status);
      token_replayed = true;
      tokens_.reject(access->generation);
      continue;
    }
    if (status == 403 && token_replayed) forbidden_until_ = clock_.elapsed() + forbidden_memory;
    if (status == 401) tokens_.reject(access->generation);
    auto const now = clock_.unix_seconds();
    auto const& headers = reply->headers().fields;
    auto error = read_upstream_error(status, headers, body, base.host, work.asked_model, now);
    throttle_.bad(work.model, status, error, named_wait(headers, body, now));
    co_return error;
  }
}

awaitable<Result<ModelsReply>> CopilotApi::models(std::string etag) {
  bool token_replayed = false;
  while (true) {
    auto access = co_await tokens_.get();
    if (!access) co_return access.error();
    auto const url = (*access)->api.below("/models");
    if (!url) co_return url.error();
    auto make = [&] {
      HttpRequest request("GET", *url);
      request.headers = headers("model-access");
      request.headers.add_unless_empty("If-None-Match", etag);
      request.authorization = (*access)->authorization;
      request.max_body = max_models_body;
      request.timeouts.first_byte = std::chrono::seconds(30);
      request.timeouts.idle = std::chrono::seconds(15);
      return request;
    };
    auto reply = co_await send_repeatable(http_, make, config_.max_retries);
    if (!reply) co_return reply.error().within("Cannot get the list of models");
    if (!token_replayed && may_replay(reply->status)) {
      token_replayed = true;
      tokens_.reject((*access)->generation);
      continue;
    }
    if (reply->status == 401) tokens_.reject((*access)->generation);
    if (reply->status == 403 && token_replayed)
      forbidden_until_ = clock_.elapsed() + forbidden_memory;
    ModelsReply out;
    out.account = (*access)->account;
    if (reply->status == 304 && !etag.empty()) {
      out.not_modified = true;
      co_return std::move(out);
    }
    if (reply->status < 200 || reply->status >= 300) {
      co_return read_upstream_error(reply->status, reply->headers.fields, reply->body,
                                    (*access)->api.host, {}, clock_.unix_seconds());
    }
    out.body = std::move(reply->body);
    out.etag = std::string(reply->headers.get("etag"));
    co_return std::move(out);
  }
}

}  // namespace jumpseat
