// POST /chat/completions: OpenAI's request in, ChatService's clean chunks out, as a stream or as
// one answer.

#include <memory>
#include <utility>

#include "protocol/chat_request.h"
#include "protocol/chat_stream.h"
#include "server/http/answer_headers.h"
#include "server/http/cached_answer.h"
#include "server/http/routes.h"

namespace jumpseat {
namespace {

void note_usage(std::optional<ChatUsage> const& usage, RequestRecord& record) {
  if (!usage) return;
  record.prompt_tokens = usage->count("prompt_tokens");
  record.completion_tokens = usage->count("completion_tokens");
}

class ChatRoute {
 public:
  explicit ChatRoute(RouteParts const& parts)
      : chat_(parts.chat), catalog_(parts.catalog), cache_(parts.cache), config_(parts.config) {}

  // No coroutine itself: the request is handed on and gone before the answer begins. A coroutine
  // keeps its locals as long as it runs, and a stream is one of thousands.
  awaitable<Result<void>> operator()(IncomingRequest& incoming, Reply& reply) const {
    auto request = ChatRequest::parse(incoming.take_body());
    if (!request) return refuse(request.error());
    auto& record = reply.record();
    record.asked_model = request->model().empty() ? config_.default_model : request->model();
    if (cache_.on() && AnswerCache::suits(*request))
      return answer_cached(std::move(*request), incoming, reply);
    bool const stream = request->stream();
    // From here on silence is filled, also while upstream thinks before its first byte.
    if (stream) reply.begin_events();
    auto start = chat_.start(std::move(*request), &record.listed_model);
    return stream ? pass_on(std::move(start), reply) : answer_whole(std::move(start), reply);
  }

 private:
  static void name_model(ChatStream const& answer, Reply& reply) {
    auto& record = reply.record();
    if (!record.model.empty() || answer.upstream_model().empty()) return;
    record.model = answer.upstream_model();
    reply.header("x-jumpseat-model", record.model);
  }

  using Start = awaitable<Result<std::unique_ptr<ChatStream>>>;

  static awaitable<Result<void>> refuse(Error error) { co_return error; }

  static awaitable<Result<void>> pass_on(Start start, Reply& reply) {
    auto answer = co_await std::move(start);
    if (!answer) co_return answer.error();
    pass_on_headers((*answer)->give_upstream_headers_away(), reply);
    while (true) {
      auto const chunks = (*answer)->take();
      if (!chunks) co_return chunks.error();
      if (*chunks == nullptr) {
        co_await (*answer)->more();
        continue;
      }
      if ((*chunks)->empty()) break;
      name_model(**answer, reply);
      if (!reply.events(**chunks)) co_await reply.written();
    }
    note_usage((*answer)->usage(), reply.record());
    co_await reply.done();
    co_return Result<void>();
  }

  static awaitable<Result<void>> answer_whole(Start start, Reply& reply) {
    auto answer = co_await std::move(start);
    if (!answer) co_return answer.error();
    pass_on_headers((*answer)->upstream_headers(), reply);
    auto text = co_await read_whole(**answer, reply);
    if (!text) co_return text.error();
    co_await reply.json(std::move(*text));
    co_return Result<void>();
  }

  static awaitable<Result<std::string>> read_whole(ChatStream& answer, Reply& reply) {
    auto text = co_await answer.whole();
    name_model(answer, reply);
    if (!text) co_return text.error();
    note_usage(answer.usage(), reply.record());
    co_return text;
  }

  awaitable<Result<void>> answer_cached(ChatRequest request, IncomingRequest& incoming,
                                        Reply& reply) const {
    auto model = co_await catalog_.resolve(request.model());
    if (!model) co_return model.error();
    reply.record().listed_model = (*model)->id;
    CachedAnswer cached(cache_);
    co_await cached.look("/chat/completions", (*model)->id, request.body(), incoming, reply);
    if (cached.hit()) {
      co_await cached.send(reply);
      co_return Result<void>();
    }
    auto answer = co_await chat_.start(std::move(request), &reply.record().listed_model);
    if (!answer) co_return answer.error();
    pass_on_headers((*answer)->upstream_headers(), reply);
    auto text = co_await read_whole(**answer, reply);
    if (!text) co_return text.error();
    cached.keep((*answer)->upstream_model(), *text);
    co_await reply.json(std::move(*text));
    co_return Result<void>();
  }

  ChatService& chat_;
  ModelCatalog& catalog_;
  AnswerCache& cache_;
  Config const& config_;
};

}  // namespace

void add_chat_routes(Router& router, RouteParts const& parts) {
  router.add({HttpMethod::post, "/chat/completions", Access::key, ChatRoute(parts)});
}

}  // namespace jumpseat
