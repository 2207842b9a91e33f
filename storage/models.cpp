// The model list in SQL.
#include "storage/models.h"

#include <utility>

#include "storage/database.h"

namespace jumpseat {

Result<std::optional<StoredModels>> ModelStore::find(std::int64_t account,
                                                     std::string_view integration_id) const {
  auto statement = database_->prepare(
      "SELECT body, etag, fetched_at FROM models WHERE account = ?1 AND integration_id = ?2");
  if (!statement) return statement.error();
  auto row = statement->bind(1, account).bind(2, integration_id).step();
  if (!row) return row.error();
  if (!*row) return std::optional<StoredModels>();
  StoredModels models;
  models.body = statement->text(0);
  models.etag = statement->text(1);
  models.fetched_at = statement->integer(2);
  return std::optional<StoredModels>(std::move(models));
}

Result<void> ModelStore::save(std::int64_t account, std::string_view integration_id,
                              StoredModels const& models) {
  return database_->write([&](Database& database) -> Result<void> {
    auto statement = database.prepare(
        "INSERT INTO models (account, integration_id, body, etag, fetched_at) "
        "SELECT id, ?2, ?3, ?4, ?5 FROM accounts WHERE id = ?1 "
        "ON CONFLICT (account, integration_id) DO UPDATE SET body = excluded.body, "
        "etag = excluded.etag, fetched_at = excluded.fetched_at");
    if (!statement) return statement.error();
    auto saved = statement->bind(1, account)
                     .bind(2, integration_id)
                     .bind(3, models.body)
                     .bind(4, models.etag)
                     .bind(5, models.fetched_at)
                     .run();
    if (!saved) return saved.error();
    if (database.changes() == 0)
      return fail(ErrorCode::not_signed_in, "This sign-in was removed or renewed in the meantime.");
    return {};
  });
}

Result<void> ModelStore::confirm(std::int64_t account, std::string_view integration_id,
                                 std::int64_t fetched_at) {
  return database_->write([&](Database& database) -> Result<void> {
    auto statement = database.prepare(
        "UPDATE models SET fetched_at = ?3 WHERE account = ?1 AND integration_id = ?2");
    if (!statement) return statement.error();
    return statement->bind(1, account).bind(2, integration_id).bind(3, fetched_at).run();
  });
}

}  // namespace jumpseat
