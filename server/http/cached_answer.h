// The response cache as a route sees it:
//
//   CachedAnswer cached(parts.cache);
//   co_await cached.look("/embeddings", model->id, request->body(), incoming, reply);
//   if (cached.hit()) { co_await cached.send(reply); co_return Result<void>(); }
//   …ask upstream…
//   cached.keep(model->id, body);
//
// The reply says `x-jumpseat-cache: hit` (with `age`) or `miss`; nothing when the cache is off, or
// when the caller forbade it with `Cache-Control: no-store`.
#pragma once

#include <optional>
#include <string_view>

#include "server/chat/answer_cache.h"
#include "server/http/handler.h"

namespace jumpseat {

class CachedAnswer {
 public:
  explicit CachedAnswer(AnswerCache& cache) : cache_(cache) {}

  awaitable<> look(std::string_view route, std::string_view model, std::string_view body,
                   IncomingRequest& request, Reply& reply);
  bool hit() const { return hit_.has_value(); }
  awaitable<> send(Reply& reply);
  void keep(std::string_view model, std::string_view answer);

 private:
  AnswerCache& cache_;
  std::optional<AnswerCache::Question> question_;
  std::optional<AnswerCache::Hit> hit_;
};

}  // namespace jumpseat
