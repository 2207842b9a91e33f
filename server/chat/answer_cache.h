// The response cache, off unless JUMPSEAT_CACHE=on: the same question, byte for byte, to the same
// model by the same account is answered from the database. It holds whole answers only, of requests
// that ask for the likeliest one (`temperature: 0`) and have no tools, and embeddings; streams
// never come here. Nothing here is called, and no database opened, while it is off.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/cache_control.h"
#include "protocol/chat_request.h"
#include "server/auth/stores.h"
#include "server/auth/token_service.h"
#include "server/base/clock.h"
#include "server/base/config.h"
#include "storage/answers.h"

namespace jumpseat {

class AnswerCache {
 public:
  AnswerCache(Stores& stores, TokenService& tokens, Clock& clock, Config const& config)
      : stores_(stores), tokens_(tokens), clock_(clock), config_(config) {}

  bool on() const { return config_.cache; }
  // Whether the answer to a chat request may be kept at all.
  static bool suits(ChatRequest const& request);

  // One question and its place in the cache.
  struct Question {
    Question() = default;
    AnswerOwner owner;
    std::string text;  // route, model and the caller's body
    CacheControl control;
  };
  struct Hit {
    StoredAnswer stored;
    std::int64_t age = 0;  // seconds
  };

  // The question that `body` asks `model` (upstream's id) on `route`. Nothing when `control`
  // forbids the cache, or when it cannot be told whose it is.
  awaitable<std::optional<Question>> question(std::string_view route, std::string_view model,
                                              std::string_view body, CacheControl control);
  // An answer that is at hand. A database that cannot be read is a miss, and a line in the log.
  std::optional<Hit> find(Question const& question);
  // Keeps a good answer; likewise.
  void keep(Question const& question, std::string_view model, std::string_view answer);
  // How often find() found an answer, and how often none.
  std::uint64_t hits() const { return hits_; }
  std::uint64_t misses() const { return misses_; }

 private:
  std::optional<Hit> look_up(Question const& question);
  awaitable<std::optional<AnswerOwner>> owner();
  AnswerLimits limits() const;

  Stores& stores_;
  TokenService& tokens_;
  Clock& clock_;
  Config const& config_;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
};

}  // namespace jumpseat
