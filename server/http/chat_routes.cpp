// POST /chat/completions: OpenAI's request in, ChatService's clean chunks out, as a stream or as
// one answer.

#include <utility>

#include "protocol/chat_request.h"
#include "protocol/chat_stream.h"
#include "server/http/routes.h"

namespace jumpseat {
namespace {

// What upstream says about itself and about the account's limits goes on to the caller
// (docs/http-api.md lists the names).
void pass_on(HttpHeaders const& upstream, Reply& reply) {
  std::string_view request_id;
  for (auto const& [name, value] : upstream.fields) {
    if (name.empty() || name.front() != 'x') continue;
    if (name.starts_with("x-ratelimit-") || name.starts_with("x-quota-snapshot-")) {
      reply.header(name, value);
    } else if (name == "x-github-request-id" || (name == "x-request-id" && request_id.empty())) {
      request_id = value;
    }
  }
  reply.header("x-jumpseat-upstream-request-id", request_id);
}

std::optional<std::int64_t> count_of(json::object const& usage, std::string_view name) {
  auto const* member = usage.if_contains(name);
  if (member == nullptr) return std::nullopt;
  if (auto const* number = member->if_int64()) return *number;
  if (auto const* number = member->if_uint64()) return static_cast<std::int64_t>(*number);
  return std::nullopt;
}

void note_usage(std::optional<ChatUsage> const& usage, RequestRecord& record) {
  if (!usage) return;
  record.prompt_tokens = count_of(usage->object, "prompt_tokens");
  record.completion_tokens = count_of(usage->object, "completion_tokens");
}

class ChatRoute {
 public:
  explicit ChatRoute(RouteParts const& parts) : chat_(parts.chat), config_(parts.config) {}

  awaitable<Result<void>> operator()(IncomingRequest& incoming, Reply& reply) const {
    auto request = ChatRequest::parse(incoming.take_body());
    if (!request) co_return request.error();
    reply.record().asked_model =
        request->model().empty() ? config_.default_model : request->model();
    bool const stream = request->stream();
    // From here on silence is filled, also while upstream thinks before its first byte.
    if (stream) reply.begin_events();
    auto answer = co_await chat_.start(std::move(*request));
    if (!answer) co_return answer.error();
    pass_on((*answer)->upstream_headers(), reply);
    if (stream) co_return co_await pass_on_chunks(**answer, reply);
    co_return co_await send_whole(**answer, reply);
  }

 private:
  static void name_model(ChatStream const& answer, Reply& reply) {
    auto& record = reply.record();
    if (!record.model.empty()) return;
    record.model = answer.upstream_model();
    reply.header("x-jumpseat-model", record.model);
  }

  static awaitable<Result<void>> pass_on_chunks(ChatStream& answer, Reply& reply) {
    while (true) {
      auto chunks = co_await answer.next();
      if (!chunks) co_return chunks.error();
      if ((*chunks)->empty()) break;
      name_model(answer, reply);
      co_await reply.events(**chunks);
    }
    note_usage(answer.usage(), reply.record());
    co_await reply.done();
    co_return Result<void>();
  }

  static awaitable<Result<void>> send_whole(ChatStream& answer, Reply& reply) {
    ChatAssembler whole;
    while (true) {
      auto chunks = co_await answer.next();
      if (!chunks) co_return chunks.error();
      if ((*chunks)->empty()) break;
      name_model(answer, reply);
      for (auto const& chunk : **chunks) whole.add(chunk);
    }
    note_usage(answer.usage(), reply.record());
    auto text = json::serialize(whole.completion());
    co_await reply.json(std::move(text));
    co_return Result<void>();
  }

  ChatService& chat_;
  Config const& config_;
};

}  // namespace

void add_chat_routes(Router& router, RouteParts const& parts) {
  router.add({HttpMethod::post, "/chat/completions", Access::key, ChatRoute(parts)});
}

}  // namespace jumpseat
