// The response cache: whole answers under the whole text of the question, per owner. Exact matches
// only, bounded by age and by size; the oldest go first. Nobody comes here unless the cache is
// switched on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace jumpseat {

class Database;

// Whose answers these are: a stored sign-in, with which they are deleted, or else whoever `name`
// says.
struct AnswerOwner {
  AnswerOwner() = default;
  std::optional<std::int64_t> account;
  std::string name;
};

struct StoredAnswer {
  StoredAnswer() = default;
  std::string answer;           // the reply's JSON
  std::string model;            // upstream's id of the model that gave it
  std::int64_t created_at = 0;  // Unix seconds by our clock
};

struct AnswerLimits {
  std::int64_t max_age = 86'400;        // seconds
  std::int64_t max_bytes = 64ll << 20;  // of questions and answers together
};

class AnswerStore {
 public:
  explicit AnswerStore(Database& database) : database_(&database) {}

  // The answer to exactly this question, not older than the limit and not from the future.
  Result<std::optional<StoredAnswer>> find(AnswerOwner const& owner, std::string_view question,
                                           std::int64_t now, AnswerLimits const& limits) const;
  // Keeps it, in the place of an older one, and deletes what is beyond the limits. An answer that
  // is larger than an eighth of max_bytes is not kept.
  Result<void> save(AnswerOwner const& owner, std::string_view question, StoredAnswer const& answer,
                    AnswerLimits const& limits);

 private:
  Result<void> make_room(Database& database, std::int64_t now, AnswerLimits const& limits);

  Database* database_;
  // Bytes saved since the size was last looked at; more than a sixteenth of the limit: look again.
  std::int64_t unchecked_ = -1;
};

}  // namespace jumpseat
