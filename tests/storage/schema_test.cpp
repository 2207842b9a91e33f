// Migrations: each step once, whole or not at all, with a copy of what was there before.
#include "storage/schema.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "storage/database.h"
#include "tests/support/show.h"
#include "tests/support/temp_dir.h"

using namespace jumpseat;

namespace {

std::unique_ptr<Database> opened(std::string const& path) {
  auto database = Database::open(path);
  REQUIRE(database);
  REQUIRE((*database)->condition().persistent());
  return std::move(*database);
}

std::string first_value(Database const& database, std::string const& sql) {
  auto statement = database.prepare(sql);
  REQUIRE(statement);
  auto row = statement->step();
  REQUIRE(row);
  return *row ? statement->text(0) : "nothing";
}

// Steps of a release that does not exist, on top of today's.
Result<void> add_color(Database& database) {
  return database.execute("ALTER TABLE accounts ADD COLUMN color TEXT NOT NULL DEFAULT 'red'");
}
Result<void> add_size(Database& database) {
  return database.execute("ALTER TABLE accounts ADD COLUMN size INTEGER NOT NULL DEFAULT 3");
}
Result<void> fail_half_way(Database& database) {
  auto added = add_size(database);
  if (!added) return added.error();
  return fail(ErrorCode::internal, "half way");
}
Result<void> die_half_way(Database& database) {
  static_cast<void>(add_size(database));
  kill(getpid(), SIGKILL);
  return {};
}

std::vector<Migration> next_release(Result<void> (*last)(Database&)) {
  std::vector<Migration> steps(migrations().begin(), migrations().end());
  std::int64_t const today = schema_version();
  steps.push_back({today + 1, add_color});
  steps.push_back({today + 2, last});
  return steps;
}

void insert_account(Database& database) {
  REQUIRE(
      database.execute("INSERT INTO accounts (issuer, name, login, github_token, created_at) "
                       "VALUES ('i', 'n', 'l', 't', 1)"));
}

}  // namespace

TEST_CASE("the steps are numbered from one without a gap") {
  std::int64_t expected = 1;
  for (Migration const& step : migrations()) CHECK(step.version == expected++);
  CHECK(schema_version() == expected - 1);
}

TEST_CASE("a new database is at today's version and whole, without a backup") {
  TempDir directory;
  auto database = opened(directory / "jumpseat.db");
  CHECK(*read_schema_version(*database) == schema_version());
  CHECK(check_schema(*database));
  for (std::string const& name : directory.names()) CHECK(name.find("backup") == std::string::npos);
}

TEST_CASE("D7: a database of the first release keeps its sign-ins and gets what is new") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  {
    auto database = opened(path);
    // Back to the shape of version 1.
    REQUIRE(database->execute(
        "DROP TABLE answers; ALTER TABLE copilot_tokens DROP COLUMN proxy;"
        "DROP TABLE sign_outs; ALTER TABLE accounts DROP COLUMN borrowed;"
        "ALTER TABLE accounts DROP COLUMN route; ALTER TABLE accounts DROP COLUMN "
        "keyring; PRAGMA user_version = 1"));
    insert_account(*database);
  }
  auto database = opened(path);
  CHECK(*read_schema_version(*database) == schema_version());
  CHECK(check_schema(*database));
  CHECK(first_value(*database, "SELECT name || borrowed || '.' || route FROM accounts") == "n0.");
  CHECK(mode_of(path + ".backup-v1") == 0600);
}

TEST_CASE("a table that is missing or different is noticed") {
  for (std::string const change :
       {"DROP TABLE models", "ALTER TABLE accounts RENAME COLUMN login TO x",
        "ALTER TABLE copilot_tokens DROP COLUMN sku",
        "UPDATE sqlite_sequence SET seq = 9223372036854775807"}) {
    auto database = Database::open(":memory:");
    REQUIRE(database);
    insert_account(**database);
    CHECK(check_schema(**database));
    REQUIRE((*database)->execute(change));
    INFO(change);
    CHECK_FALSE(check_schema(**database));
  }
}

TEST_CASE("D7: an older database is copied first, then taken to today's shape with its rows") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  std::string const backup = path + ".backup-v" + std::to_string(schema_version());
  auto database = opened(path);
  insert_account(*database);
  mode_t const old_mask = umask(0);
  auto const steps = next_release(add_size);
  REQUIRE(migrate(*database, steps));
  umask(old_mask);
  CHECK(*read_schema_version(*database) == schema_version() + 2);
  CHECK(first_value(*database, "SELECT name || color || size FROM accounts") == "nred3");
  CHECK(mode_of(backup) == 0600);
  CHECK(mode_of(backup + ".partial") == -1);

  // Again: nothing is left to do.
  REQUIRE(migrate(*database, steps));
  CHECK(*read_schema_version(*database) == schema_version() + 2);

  // The copy is a whole database of the old version.
  auto old = opened(backup);
  CHECK(*read_schema_version(*old) == schema_version());
  CHECK(first_value(*old, "SELECT name FROM accounts") == "n");
  CHECK_FALSE(old->prepare("SELECT color FROM accounts"));
}

TEST_CASE("D7: a step that fails leaves the steps before it, and can be tried again") {
  TempDir directory;
  auto database = opened(directory / "jumpseat.db");
  insert_account(*database);
  auto failed = migrate(*database, next_release(fail_half_way));
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message() == "half way");
  CHECK(*read_schema_version(*database) == schema_version() + 1);
  CHECK_FALSE(database->prepare("SELECT size FROM accounts"));
  REQUIRE(migrate(*database, next_release(add_size)));
  CHECK(first_value(*database, "SELECT name || color || size FROM accounts") == "nred3");
}

TEST_CASE("D7: killed in the middle of a step, the file is whole at the step before") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  {
    auto database = opened(path);
    insert_account(*database);
  }
  pid_t const child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto database = Database::open(path);
    if (database) static_cast<void>(migrate(**database, next_release(die_half_way)));
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));

  // By today's rules it is a newer file now, so it is looked at in a copy.
  auto found = Database::open(path);
  REQUIRE(found);
  CHECK((*found)->condition().state == DatabaseCondition::State::memory_newer);
  CHECK_THAT((*found)->condition().message,
             Catch::Contains("its schema is " + std::to_string(schema_version() + 1)));
  CHECK(mode_of(path + ".backup-v" + std::to_string(schema_version())) == 0600);
}

TEST_CASE("a copy that cannot be made stops the migration: nothing is changed without one") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  auto database = opened(path);
  insert_account(*database);
  // Something that cannot be replaced stands in the copy's place.
  std::string const backup = path + ".backup-v" + std::to_string(schema_version());
  REQUIRE(mkdir(backup.c_str(), 0700) == 0);
  auto failed = migrate(*database, next_release(add_size));
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == ErrorCode::storage_unavailable);
  CHECK_THAT(failed.error().message(), Catch::Contains(backup));
  CHECK(*read_schema_version(*database) == schema_version());
  CHECK(mode_of(backup + ".partial") == -1);
}

TEST_CASE("several processes migrate at once: each step happens once") {
  for (int round = 0; round < 5; ++round) {
    TempDir directory;
    std::string const path = directory / "jumpseat.db";
    insert_account(*opened(path));
    std::array<int, 2> start{};
    REQUIRE(pipe2(start.data(), O_CLOEXEC) == 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      children.push_back(fork());
      REQUIRE(children.back() >= 0);
      if (children.back() != 0) continue;
      auto database = Database::open(path);
      close(start[1]);
      char nothing = 0;
      if (read(start[0], &nothing, 1) != 0) _exit(3);  // ends for all of them in the same moment
      if (!database) _exit(2);
      _exit(migrate(**database, next_release(add_size)) ? 0 : 1);
    }
    close(start[0]);
    close(start[1]);
    for (pid_t const child : children) {
      int status = 0;
      REQUIRE(waitpid(child, &status, 0) == child);
      CHECK(WEXITSTATUS(status) == 0);
    }
    CHECK(opened(path + ".backup-v" + std::to_string(schema_version())));
  }
}
