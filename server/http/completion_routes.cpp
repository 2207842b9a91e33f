// POST /completions: OpenAI's legacy completions, as a stream or as one answer.

#include <utility>

#include "protocol/completions.h"
#include "server/chat/completion_service.h"
#include "server/http/answer_headers.h"
#include "server/http/routes.h"

namespace jumpseat {
namespace {

class CompletionsRoute {
 public:
  explicit CompletionsRoute(RouteParts const& parts)
      : completions_(parts.completions), config_(parts.config) {}

  awaitable<Result<void>> operator()(IncomingRequest& incoming, Reply& reply) const {
    auto request = CompletionRequest::parse(incoming.take_body());
    if (!request) co_return request.error();
    reply.record().asked_model =
        request->model().empty() ? config_.default_model : request->model();
    bool const stream = request->stream();
    // From here on silence is filled, also while upstream thinks before its first byte.
    if (stream) reply.begin_events();
    auto answer = co_await completions_.start(std::move(*request), &reply.record().listed_model);
    if (!answer) co_return answer.error();
    pass_on_headers((*answer)->upstream_headers(), reply);
    reply.record().model = (*answer)->upstream_model();
    reply.header("x-jumpseat-model", (*answer)->upstream_model());
    if (stream) co_return co_await pass_on_chunks(**answer, reply);
    co_return co_await send_whole(**answer, reply);
  }

 private:
  static void note_usage(CompletionStream const& answer, RequestRecord& record) {
    auto const& count = answer.count();
    if (!count.has_usage()) return;
    record.prompt_tokens = count.prompt_tokens();
    record.completion_tokens = count.completion_tokens();
  }

  static awaitable<Result<void>> pass_on_chunks(CompletionStream& answer, Reply& reply) {
    while (true) {
      auto chunks = co_await answer.next();
      if (!chunks) co_return chunks.error();
      if ((*chunks)->empty()) break;
      if (!reply.events(**chunks)) co_await reply.written();
    }
    note_usage(answer, reply.record());
    co_await reply.done();
    co_return Result<void>();
  }

  static awaitable<Result<void>> send_whole(CompletionStream& answer, Reply& reply) {
    CompletionAssembler whole;
    while (true) {
      auto chunks = co_await answer.next();
      if (!chunks) co_return chunks.error();
      if ((*chunks)->empty()) break;
      for (auto const& chunk : **chunks) whole.add(chunk);
    }
    note_usage(answer, reply.record());
    auto text = whole.completion();
    co_await reply.json(std::move(text));
    co_return Result<void>();
  }

  CompletionService& completions_;
  Config const& config_;
};

}  // namespace

void add_completion_routes(Router& router, RouteParts const& parts) {
  router.add({HttpMethod::post, "/completions", Access::key, CompletionsRoute(parts)});
}

}  // namespace jumpseat
