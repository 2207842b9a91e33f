#include "storage/answers.h"

#include <utility>

#include "storage/database.h"

namespace jumpseat {
namespace {

// FNV-1a, 64 bit: it only narrows the search, the texts themselves are compared.
std::int64_t hash_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037u;
  for (char const c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211u;
  }
  return static_cast<std::int64_t>(hash);
}

}  // namespace

Result<std::optional<StoredAnswer>> AnswerStore::find(AnswerOwner const& owner,
                                                      std::string_view question, std::int64_t now,
                                                      AnswerLimits const& limits) const {
  // The unary plus keeps the planner off the other indexes, by which it would read every answer.
  auto statement = database_->prepare(
      "SELECT answer, model, created_at FROM answers WHERE hash = ?1 AND owner = ?2 AND "
      "+account IS ?3 AND question = ?4 AND +created_at BETWEEN ?5 AND ?6 "
      "ORDER BY +created_at DESC LIMIT 1");
  if (!statement) return statement.error();
  statement->bind(1, hash_of(question)).bind(2, owner.name).bind(4, question);
  if (owner.account) statement->bind(3, *owner.account);
  auto row = statement->bind(5, now - limits.max_age).bind(6, now).step();
  if (!row) return row.error();
  if (!*row) return std::optional<StoredAnswer>();
  StoredAnswer found;
  found.answer = statement->text(0);
  found.model = statement->text(1);
  found.created_at = statement->integer(2);
  return std::optional<StoredAnswer>(std::move(found));
}

Result<void> AnswerStore::save(AnswerOwner const& owner, std::string_view question,
                               StoredAnswer const& answer, AnswerLimits const& limits) {
  auto const size = static_cast<std::int64_t>(question.size() + answer.answer.size());
  if (size > limits.max_bytes / 8) return {};
  auto written = database_->write([&](Database& database) -> Result<void> {
    auto const hash = hash_of(question);
    auto old = database.prepare(
        "DELETE FROM answers WHERE hash = ?1 AND owner = ?2 AND +account IS ?3 AND question = ?4");
    if (!old) return old.error();
    old->bind(1, hash).bind(2, owner.name).bind(4, question);
    if (owner.account) old->bind(3, *owner.account);
    auto removed = old->run();
    if (!removed) return removed.error();

    // The sign-in may have ended meanwhile: then there is nobody to keep it for.
    auto insert = database.prepare(
        "INSERT INTO answers (account, owner, hash, question, answer, model, created_at, size) "
        "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 "
        "WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM accounts WHERE id = ?1)");
    if (!insert) return insert.error();
    if (owner.account) insert->bind(1, *owner.account);
    auto saved = insert->bind(2, owner.name)
                     .bind(3, hash)
                     .bind(4, question)
                     .bind(5, answer.answer)
                     .bind(6, answer.model)
                     .bind(7, answer.created_at)
                     .bind(8, size)
                     .run();
    if (!saved) return saved.error();
    if (unchecked_ >= 0 && unchecked_ + size <= limits.max_bytes / 16) return {};
    return make_room(database, answer.created_at, limits);
  });
  if (!written) return written.error();
  unchecked_ = unchecked_ < 0 || unchecked_ + size > limits.max_bytes / 16 ? 0 : unchecked_ + size;
  return {};
}

Result<void> AnswerStore::make_room(Database& database, std::int64_t now,
                                    AnswerLimits const& limits) {
  auto old = database.prepare("DELETE FROM answers WHERE created_at < ?1");
  if (!old) return old.error();
  auto removed = old->bind(1, now - limits.max_age).run();
  if (!removed) return removed.error();
  // The newest answers that fit together stay. An index holds all that this reads.
  auto excess = database.prepare(
      "DELETE FROM answers WHERE id IN (SELECT id FROM (SELECT id, "
      "sum(size) OVER (ORDER BY created_at DESC, id DESC) AS so_far FROM answers) "
      "WHERE so_far > ?1)");
  if (!excess) return excess.error();
  return excess->bind(1, limits.max_bytes).run();
}

}  // namespace jumpseat
