// POST /embeddings.

#include <functional>
#include <utility>

#include "protocol/embeddings.h"
#include "server/chat/embeddings_service.h"
#include "server/http/answer_headers.h"
#include "server/http/cached_answer.h"
#include "server/http/routes.h"

namespace jumpseat {
namespace {

class EmbeddingsRoute {
 public:
  explicit EmbeddingsRoute(RouteParts const& parts)
      : embeddings_(parts.embeddings), cache_(parts.cache) {}

  awaitable<Result<void>> operator()(IncomingRequest& incoming, Reply& reply) const {
    auto request = EmbeddingsRequest::parse(incoming.take_body());
    if (!request) co_return request.error();
    auto& record = reply.record();
    record.asked_model = request->model();
    auto model = co_await embeddings_.model_for(*request);
    if (!model) co_return model.error();
    auto const& id = (*model)->id;
    record.model = id;
    record.listed_model = id;

    CachedAnswer cached(cache_);
    co_await cached.look("/embeddings", id, request->body(), incoming, reply);
    if (cached.hit()) {
      co_await cached.send(reply);
      co_return Result<void>();
    }
    reply.header("x-jumpseat-model", id);
    auto answer = co_await embeddings_.answer(std::move(*request), *model);
    if (!answer) co_return answer.error();
    record.prompt_tokens = answer->prompt_tokens;
    record.completion_tokens = 0;
    pass_on_headers(answer->headers, reply);
    cached.keep(id, answer->body);
    co_await reply.json(std::move(answer->body));
    co_return Result<void>();
  }

 private:
  EmbeddingsService& embeddings_;
  AnswerCache& cache_;
};

}  // namespace

void add_embedding_routes(Router& router, RouteParts const& parts) {
  router.add({HttpMethod::post, "/embeddings", Access::key, EmbeddingsRoute(parts)});
}

}  // namespace jumpseat
