// Sign-ins in SQL. Every statement that touches a sign-in names its issuer, or an id that came from
// such a statement.
#include "storage/accounts.h"

#include <utility>

#include "storage/database.h"

namespace jumpseat {
namespace {

constexpr std::string_view select_account =
    "SELECT id, issuer, name, login, github_token, created_at FROM accounts WHERE issuer = ?1";

Account read_account(Statement const& row) {
  Account account;
  account.id = row.integer(0);
  account.issuer = row.text(1);
  account.name = row.text(2);
  account.login = row.text(3);
  account.github_token = row.secret(4);
  account.created_at = row.integer(5);
  return account;
}

}  // namespace

Result<std::optional<Account>> AccountStore::find(std::string_view issuer,
                                                  std::string_view name) const {
  auto statement = database_->prepare(std::string(select_account) + " AND name = ?2");
  if (!statement) return statement.error();
  auto row = statement->bind(1, issuer).bind(2, name).step();
  if (!row) return row.error();
  if (!*row) return std::optional<Account>();
  return std::optional<Account>(read_account(*statement));
}

Result<std::vector<Account>> AccountStore::list(std::string_view issuer) const {
  auto statement = database_->prepare(std::string(select_account) + " ORDER BY name");
  if (!statement) return statement.error();
  statement->bind(1, issuer);
  std::vector<Account> accounts;
  while (true) {
    auto row = statement->step();
    if (!row) return row.error();
    if (!*row) return accounts;
    accounts.push_back(read_account(*statement));
  }
}

Result<Account> AccountStore::save(Account account) {
  auto written = database_->write_durably([&](Database& database) -> Result<void> {
    // A new row rather than a changed one: see schema.cpp on ids.
    auto old = database.prepare("DELETE FROM accounts WHERE issuer = ?1 AND name = ?2");
    if (!old) return old.error();
    auto deleted = old->bind(1, account.issuer).bind(2, account.name).run();
    if (!deleted) return deleted.error();
    auto insert = database.prepare(
        "INSERT INTO accounts (issuer, name, login, github_token, created_at) "
        "VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id");
    if (!insert) return insert.error();
    auto row = insert->bind(1, account.issuer)
                   .bind(2, account.name)
                   .bind(3, account.login)
                   .bind(4, account.github_token)
                   .bind(5, account.created_at)
                   .step();
    if (!row) return row.error();
    account.id = insert->integer(0);
    return insert->run();
  });
  if (!written) return written.error();
  return account;
}

Result<void> AccountStore::set_login(std::int64_t id, std::string_view login) {
  return database_->write([&](Database& database) -> Result<void> {
    auto statement = database.prepare("UPDATE accounts SET login = ?2 WHERE id = ?1");
    if (!statement) return statement.error();
    return statement->bind(1, id).bind(2, login).run();
  });
}

Result<bool> AccountStore::remove(std::string_view issuer, std::string_view name) {
  bool removed = false;
  auto written = database_->write_durably([&](Database& database) -> Result<void> {
    auto statement = database.prepare("DELETE FROM accounts WHERE issuer = ?1 AND name = ?2");
    if (!statement) return statement.error();
    auto deleted = statement->bind(1, issuer).bind(2, name).run();
    if (!deleted) return deleted.error();
    removed = database.changes() > 0;
    return {};
  });
  if (!written) return written.error();
  if (removed) database_->scrub();
  return removed;
}

Result<std::optional<StoredCopilotToken>> AccountStore::copilot_token(std::int64_t account) const {
  auto statement = database_->prepare(
      "SELECT token, received_at, expires_at, refresh_in, api, sku, proxy FROM copilot_tokens "
      "WHERE account = ?1");
  if (!statement) return statement.error();
  auto row = statement->bind(1, account).step();
  if (!row) return row.error();
  if (!*row) return std::optional<StoredCopilotToken>();
  StoredCopilotToken token;
  token.token = statement->secret(0);
  token.received_at = statement->integer(1);
  token.expires_at = statement->integer(2);
  token.refresh_in = statement->integer(3);
  token.api = statement->text(4);
  token.sku = statement->text(5);
  token.proxy = statement->text(6);
  return std::optional<StoredCopilotToken>(std::move(token));
}

Result<void> AccountStore::save_copilot_token(std::int64_t account,
                                              StoredCopilotToken const& token) {
  return database_->write([&](Database& database) -> Result<void> {
    auto statement = database.prepare(
        "INSERT INTO copilot_tokens (account, token, received_at, expires_at, refresh_in, api, "
        "sku, proxy) "
        "SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM accounts WHERE id = ?1 "
        "ON CONFLICT (account) DO UPDATE SET token = excluded.token, "
        "received_at = excluded.received_at, expires_at = excluded.expires_at, "
        "refresh_in = excluded.refresh_in, api = excluded.api, sku = excluded.sku, "
        "proxy = excluded.proxy");
    if (!statement) return statement.error();
    auto saved = statement->bind(1, account)
                     .bind(2, token.token)
                     .bind(3, token.received_at)
                     .bind(4, token.expires_at)
                     .bind(5, token.refresh_in)
                     .bind(6, token.api)
                     .bind(7, token.sku)
                     .bind(8, token.proxy)
                     .run();
    if (!saved) return saved.error();
    if (database.changes() == 0)
      return fail(ErrorCode::not_signed_in, "This sign-in was removed or renewed in the meantime.");
    return {};
  });
}

Result<void> AccountStore::forget_copilot_token(std::int64_t account) {
  return database_->write([&](Database& database) -> Result<void> {
    auto statement = database.prepare("DELETE FROM copilot_tokens WHERE account = ?1");
    if (!statement) return statement.error();
    return statement->bind(1, account).run();
  });
}

}  // namespace jumpseat
