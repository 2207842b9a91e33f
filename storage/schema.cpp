// The steps themselves. What is stored and why:
//
//   accounts        one row per sign-in. Ids are never used again (AUTOINCREMENT), and signing in
//   anew
//                   makes a new one, so that a process that still holds an old id cannot attach its
//                   token to somebody else's sign-in.
//   copilot_tokens  the short-lived token of a sign-in, at most one.
//   models          the model list as it came, per sign-in and integration id.
//   answers         the response cache, when it is switched on: answers under the whole text of the
//                   question, found by a hash of it. The owner is the sign-in, whose end takes them
//                   along, or the GitHub login of a token that is not stored here.
//
// Since version 3 a sign-in that another program keeps has a row as well, `borrowed`, without its
// token: its name is a fingerprint, and what is known about it (its Copilot token, its models, the
// route that it takes to Copilot) hangs on the row's id as with our own. So has a token that is
// given from outside (GITHUB_TOKEN). `keyring` says that the desktop's keyring has the token.
//
//   sign_outs       issuers at which a person has signed out on this machine: borrowed sign-ins are
//                   left alone there until somebody signs in.
#include "storage/schema.h"

#include <array>
#include <string>

#include "storage/database.h"

namespace jumpseat {
namespace {

Result<void> create_tables(Database& database) {
  return database.execute(R"(
    CREATE TABLE accounts (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      issuer TEXT NOT NULL,
      name TEXT NOT NULL,
      login TEXT NOT NULL,
      github_token TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      UNIQUE (issuer, name)
    ) STRICT;
    CREATE TABLE copilot_tokens (
      account INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
      token TEXT NOT NULL,
      received_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      refresh_in INTEGER NOT NULL,
      api TEXT NOT NULL,
      sku TEXT NOT NULL
    ) STRICT;
    CREATE TABLE models (
      account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
      integration_id TEXT NOT NULL,
      body TEXT NOT NULL,
      etag TEXT NOT NULL,
      fetched_at INTEGER NOT NULL,
      PRIMARY KEY (account, integration_id)
    ) STRICT;
  )");
}

Result<void> add_answers_and_proxy(Database& database) {
  return database.execute(R"(
    ALTER TABLE copilot_tokens ADD COLUMN proxy TEXT NOT NULL DEFAULT '';
    CREATE TABLE answers (
      id INTEGER PRIMARY KEY,
      account INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
      owner TEXT NOT NULL,
      hash INTEGER NOT NULL,
      question TEXT NOT NULL,
      answer TEXT NOT NULL,
      model TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      size INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX answers_by_hash ON answers (hash);
    CREATE INDEX answers_by_age ON answers (created_at, size);
    CREATE INDEX answers_by_account ON answers (account);
  )");
}

Result<void> add_borrowed_sign_ins(Database& database) {
  return database.execute(R"(
    ALTER TABLE accounts ADD COLUMN borrowed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE accounts ADD COLUMN route TEXT NOT NULL DEFAULT '';
    ALTER TABLE accounts ADD COLUMN keyring INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE sign_outs (
      issuer TEXT PRIMARY KEY,
      at INTEGER NOT NULL
    ) STRICT;
  )");
}

constexpr std::array<Migration, 3> steps_of_the_product = {{
    {1, create_tables},
    {2, add_answers_and_proxy},
    {3, add_borrowed_sign_ins},
}};

}  // namespace

std::span<Migration const> migrations() { return steps_of_the_product; }

Result<std::int64_t> read_schema_version(Database const& database) {
  auto statement = database.prepare("PRAGMA user_version");
  if (!statement) return statement.error();
  auto row = statement->step();
  if (!row) return row.error();
  return statement->integer(0);
}

Result<void> migrate(Database& database, std::span<Migration const> steps) {
  auto version = read_schema_version(database);
  if (!version) return version.error();
  bool copied = *version == 0;  // an empty file is not worth a copy
  for (Migration const& step : steps) {
    if (step.version <= *version) continue;
    auto written = database.write_durably([&](Database& inside) -> Result<void> {
      // Another process may have been faster.
      auto now = read_schema_version(inside);
      if (!now) return now.error();
      if (*now >= step.version) return {};
      // Inside, so that no other process can change the file, or make this copy, meanwhile.
      if (!copied) {
        auto copy = inside.copy_to(inside.path() + ".backup-v" + std::to_string(*now));
        if (!copy) return copy.error();
        copied = true;
      }
      auto applied = step.apply(inside);
      if (!applied) return applied.error();
      return inside.execute("PRAGMA user_version = " + std::to_string(step.version));
    });
    if (!written) return written.error();
  }
  return {};
}

Result<void> check_schema(Database const& database) {
  // Preparing a statement compares it with the tables; writing ones bring in the references, too.
  for (std::string_view const probe : {
           "SELECT id, issuer, name, login, github_token, created_at, borrowed, route, "
           "keyring FROM accounts",
           "INSERT INTO sign_outs VALUES (?1, ?2) ON CONFLICT (issuer) DO NOTHING",
           "SELECT account, token, received_at, expires_at, refresh_in, api, sku, proxy FROM "
           "copilot_tokens",
           "SELECT account, integration_id, body, etag, fetched_at FROM models",
           "SELECT id, account, owner, hash, question, answer, model, created_at, size FROM "
           "answers",
           "DELETE FROM accounts WHERE issuer = ?1 AND name = ?2",
           "INSERT INTO copilot_tokens VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
           "ON CONFLICT (account) DO NOTHING",
           "INSERT INTO models VALUES (?1, ?2, ?3, ?4, ?5) "
           "ON CONFLICT (account, integration_id) DO NOTHING",
       }) {
    auto prepared = database.prepare(probe);
    if (!prepared) return prepared.error();
  }
  // A damaged counter would make every sign-in fail as if the disk were full.
  auto counter = database.prepare("SELECT count(*) FROM sqlite_sequence WHERE seq > 1000000000000");
  if (!counter) return counter.error();
  auto row = counter->step();
  if (!row) return row.error();
  if (counter->integer(0) != 0)
    return fail(ErrorCode::storage_unavailable, "The database's counter of sign-ins is damaged.");
  return {};
}

}  // namespace jumpseat
