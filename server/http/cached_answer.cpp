#include "server/http/cached_answer.h"

#include <string>
#include <utility>

#include "protocol/cache_control.h"

namespace jumpseat {

awaitable<> CachedAnswer::look(std::string_view route, std::string_view model,
                               std::string_view body, IncomingRequest& request, Reply& reply) {
  if (!cache_.on()) co_return;
  auto const control = read_cache_control(request.header("cache-control"));
  question_ = co_await cache_.question(route, model, body, control);
  if (!question_) co_return;
  hit_ = cache_.find(*question_);
  reply.header("x-jumpseat-cache", hit_ ? "hit" : "miss");
  if (!hit_) co_return;
  reply.header("age", std::to_string(hit_->age));
  reply.header("x-jumpseat-model", hit_->stored.model);
  reply.record().model = hit_->stored.model;
}

awaitable<> CachedAnswer::send(Reply& reply) { return reply.json(std::move(hit_->stored.answer)); }

void CachedAnswer::keep(std::string_view model, std::string_view answer) {
  if (question_) cache_.keep(*question_, model, answer);
}

}  // namespace jumpseat
