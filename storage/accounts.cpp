// Sign-ins in SQL. Every statement that touches a sign-in names its issuer, or an id that came from
// such a statement.
#include "storage/accounts.h"

#include <utility>

#include "storage/database.h"

namespace jumpseat {
namespace {

constexpr std::string_view select_account =
    "SELECT id, issuer, name, login, github_token, created_at, route, keyring FROM accounts WHERE ";

// What nobody has used for so long is forgotten.
constexpr std::int64_t borrowed_kept_seconds = 30 * 86'400;

TokenRoute route_of(std::string_view text) {
  if (text == "exchange") return TokenRoute::exchange;
  if (text == "direct") return TokenRoute::direct;
  return TokenRoute::unknown;
}

Account read_account(Statement const& row) {
  Account account;
  account.id = row.integer(0);
  account.issuer = row.text(1);
  account.name = row.text(2);
  account.login = row.text(3);
  account.github_token = row.secret(4);
  account.created_at = row.integer(5);
  account.route = route_of(row.text(6));
  account.in_keyring = row.integer(7) != 0;
  return account;
}

Result<std::vector<Account>> read_accounts(Statement& statement) {
  std::vector<Account> accounts;
  while (true) {
    auto row = statement.step();
    if (!row) return row.error();
    if (!*row) return accounts;
    accounts.push_back(read_account(statement));
  }
}

Result<void> allow_borrowing_inside(Database& database, std::string_view issuer) {
  auto statement = database.prepare("DELETE FROM sign_outs WHERE issuer = ?1");
  if (!statement) return statement.error();
  return statement->bind(1, issuer).run();
}

}  // namespace

Result<std::optional<Account>> AccountStore::find(std::string_view issuer,
                                                  std::string_view name) const {
  auto statement = database_->prepare(std::string(select_account) +
                                      "issuer = ?1 AND name = ?2 AND borrowed = 0");
  if (!statement) return statement.error();
  auto row = statement->bind(1, issuer).bind(2, name).step();
  if (!row) return row.error();
  if (!*row) return std::optional<Account>();
  return std::optional<Account>(read_account(*statement));
}

Result<std::vector<Account>> AccountStore::list(std::string_view issuer) const {
  auto statement = database_->prepare(std::string(select_account) +
                                      "issuer = ?1 AND borrowed = 0 ORDER BY name");
  if (!statement) return statement.error();
  statement->bind(1, issuer);
  return read_accounts(*statement);
}

Result<std::vector<Account>> AccountStore::list() const {
  auto statement =
      database_->prepare(std::string(select_account) + "borrowed = 0 ORDER BY issuer, name");
  if (!statement) return statement.error();
  return read_accounts(*statement);
}

Result<Account> AccountStore::save(Account account) {
  auto written = database_->write_durably([&](Database& database) -> Result<void> {
    // A new row rather than a changed one: see schema.cpp on ids.
    auto old = database.prepare("DELETE FROM accounts WHERE issuer = ?1 AND name = ?2");
    if (!old) return old.error();
    auto deleted = old->bind(1, account.issuer).bind(2, account.name).run();
    if (!deleted) return deleted.error();
    auto insert = database.prepare(
        "INSERT INTO accounts (issuer, name, login, github_token, created_at, keyring) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id");
    if (!insert) return insert.error();
    auto row = insert->bind(1, account.issuer)
                   .bind(2, account.name)
                   .bind(3, account.login)
                   .bind(4, account.github_token)
                   .bind(5, account.created_at)
                   .bind(6, std::int64_t{account.in_keyring})
                   .step();
    if (!row) return row.error();
    account.id = insert->integer(0);
    auto inserted = insert->run();
    if (!inserted) return inserted.error();
    return allow_borrowing_inside(database, account.issuer);
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

Result<void> AccountStore::set_route(std::int64_t id, TokenRoute route) {
  return database_->write([&](Database& database) -> Result<void> {
    auto statement = database.prepare("UPDATE accounts SET route = ?2 WHERE id = ?1");
    if (!statement) return statement.error();
    return statement->bind(1, id).bind(2, route_text(route)).run();
  });
}

Result<std::optional<Account>> AccountStore::find_borrowed(std::string_view issuer,
                                                           std::string_view fingerprint) const {
  auto statement = database_->prepare(std::string(select_account) +
                                      "issuer = ?1 AND name = ?2 AND borrowed = 1");
  if (!statement) return statement.error();
  auto row = statement->bind(1, issuer).bind(2, fingerprint).step();
  if (!row) return row.error();
  if (!*row) return std::optional<Account>();
  return std::optional<Account>(read_account(*statement));
}

Result<Account> AccountStore::save_borrowed(std::string_view issuer, std::string_view fingerprint,
                                            std::int64_t now_unix) {
  auto written = database_->write([&](Database& database) -> Result<void> {
    auto old = database.prepare("DELETE FROM accounts WHERE borrowed = 1 AND created_at < ?1");
    if (!old) return old.error();
    auto deleted = old->bind(1, now_unix - borrowed_kept_seconds).run();
    if (!deleted) return deleted.error();
    // created_at is the last use.
    auto insert = database.prepare(
        "INSERT INTO accounts (issuer, name, login, github_token, created_at, borrowed) "
        "VALUES (?1, ?2, '', '', ?3, 1) "
        "ON CONFLICT (issuer, name) DO UPDATE SET created_at = excluded.created_at");
    if (!insert) return insert.error();
    return insert->bind(1, issuer).bind(2, fingerprint).bind(3, now_unix).run();
  });
  if (!written) return written.error();
  auto account = find_borrowed(issuer, fingerprint);
  if (!account) return account.error();
  if (!*account) {
    return fail(ErrorCode::storage_unavailable,
                "The database " + database_->path() + " did not keep what was written.");
  }
  return std::move(**account);
}

Result<void> AccountStore::forbid_borrowing(std::string_view issuer, std::int64_t now_unix) {
  auto written = database_->write_durably([&](Database& database) -> Result<void> {
    auto rows = database.prepare("DELETE FROM accounts WHERE issuer = ?1 AND borrowed = 1");
    if (!rows) return rows.error();
    auto deleted = rows->bind(1, issuer).run();
    if (!deleted) return deleted.error();
    auto mark = database.prepare(
        "INSERT INTO sign_outs VALUES (?1, ?2) "
        "ON CONFLICT (issuer) DO UPDATE SET at = excluded.at");
    if (!mark) return mark.error();
    return mark->bind(1, issuer).bind(2, now_unix).run();
  });
  if (!written) return written.error();
  database_->scrub();
  return {};
}

Result<void> AccountStore::allow_borrowing(std::string_view issuer) {
  return database_->write(
      [&](Database& database) { return allow_borrowing_inside(database, issuer); });
}

Result<bool> AccountStore::signed_out(std::string_view issuer) const {
  auto statement = database_->prepare("SELECT 1 FROM sign_outs WHERE issuer = ?1");
  if (!statement) return statement.error();
  return statement->bind(1, issuer).step();
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

Result<void> AccountStore::forget_copilot_token(std::int64_t account, Secret const& token) {
  return database_->write([&](Database& database) -> Result<void> {
    auto statement =
        database.prepare("DELETE FROM copilot_tokens WHERE account = ?1 AND token = ?2");
    if (!statement) return statement.error();
    return statement->bind(1, account).bind(2, token).run();
  });
}

}  // namespace jumpseat
