// The response cache in the database: exact, per owner, bounded.
#include "storage/answers.h"

#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "storage/accounts.h"
#include "storage/database.h"
#include "tests/support/show.h"
#include "tests/support/temp_dir.h"

using namespace jumpseat;

namespace {

std::unique_ptr<Database> opened() {
  auto database = Database::open(":memory:");
  REQUIRE(database);
  return std::move(*database);
}

struct World {
  std::unique_ptr<Database> database = opened();
  AnswerStore answers{*database};
  AnswerLimits limits;
  std::int64_t now = 1'790'000'000;

  AnswerOwner sign_in(std::string const& name) {
    Account account;
    account.issuer = "https://github.com";
    account.name = name;
    account.github_token = Secret("gho_Zm9v8QxT4nB7kLw2Rd6Hs1Yc5Jp3Vg0aUeN0");
    auto saved = AccountStore(*database).save(std::move(account));
    REQUIRE(saved);
    AnswerOwner owner;
    owner.account = saved->id;
    owner.name = "https://github.com";
    return owner;
  }
  void keep(AnswerOwner const& owner, std::string_view question, std::string_view text) {
    StoredAnswer answer;
    answer.answer = text;
    answer.model = "gpt-4.1";
    answer.created_at = now;
    REQUIRE(answers.save(owner, question, answer, limits));
  }
  // The stored text, or "-".
  std::string found(AnswerOwner const& owner, std::string_view question) const {
    auto const answer = answers.find(owner, question, now, limits);
    REQUIRE(answer);
    return *answer ? (*answer)->answer : "-";
  }
  std::string rows() const {
    auto statement = database->prepare("SELECT count(*) FROM answers");
    REQUIRE(statement);
    REQUIRE(statement->step());
    return statement->text(0);
  }
};

AnswerOwner somebody(std::string login) {
  AnswerOwner owner;
  owner.name = "https://github.com/" + std::move(login);
  return owner;
}

TEST_CASE("an answer is found by the whole question and by nobody else") {
  World world;
  auto const alice = world.sign_in("alice");
  auto const bob = world.sign_in("bob");
  world.keep(alice, "q", "a");
  CHECK(world.found(alice, "q") == "a");
  CHECK(world.found(alice, "q ") == "-");
  CHECK(world.found(bob, "q") == "-");
  CHECK(world.found(somebody("alice"), "q") == "-");

  world.keep(somebody("carol"), "q", "c");
  CHECK(world.found(somebody("carol"), "q") == "c");
  CHECK(world.found(somebody("dave"), "q") == "-");
  CHECK(world.found(alice, "q") == "a");
}

TEST_CASE("a newer answer takes the place of the older one") {
  World world;
  world.keep(somebody("x"), "q", "old");
  world.now += 5;
  world.keep(somebody("x"), "q", "new");
  CHECK(world.found(somebody("x"), "q") == "new");
  CHECK(world.rows() == "1");
}

TEST_CASE("what a stored answer says about itself") {
  World world;
  world.keep(somebody("x"), "q", "a");
  auto const answer = world.answers.find(somebody("x"), "q", world.now, world.limits);
  REQUIRE(answer);
  REQUIRE(*answer);
  CHECK((*answer)->model == "gpt-4.1");
  CHECK((*answer)->created_at == world.now);
}

TEST_CASE("answers grow old, and those from the future are not believed") {
  World world;
  world.limits.max_age = 100;
  world.keep(somebody("x"), "q", "a");
  world.now += 100;
  CHECK(world.found(somebody("x"), "q") == "a");
  world.now += 1;
  CHECK(world.found(somebody("x"), "q") == "-");
  world.now -= 102;  // the clock was set back
  CHECK(world.found(somebody("x"), "q") == "-");
}

TEST_CASE("the oldest go when there is no more room, and what is too large is not kept") {
  World world;
  world.limits.max_bytes = 8000;
  std::string const text(900, 'x');
  for (int i = 0; i < 20; ++i) {
    world.now += 1;
    world.keep(somebody("x"), "question " + std::to_string(i), text);
  }
  CHECK(world.found(somebody("x"), "question 19") == text);
  CHECK(world.found(somebody("x"), "question 0") == "-");
  auto statement = world.database->prepare("SELECT sum(size) FROM answers");
  REQUIRE(statement);
  REQUIRE(statement->step());
  CHECK(statement->integer(0) <= 8000 + 8000 / 16);
  CHECK(statement->integer(0) > 4000);

  world.keep(somebody("x"), "large", std::string(1001, 'y'));
  CHECK(world.found(somebody("x"), "large") == "-");
}

// How much this process has read so far, from anywhere.
std::int64_t bytes_read() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::int64_t count = 0;
  io >> name >> count;
  REQUIRE(name == "rchar:");
  return count;
}

TEST_CASE("D15: opening and looking up read a few pages, however much is stored") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  AnswerOwner owner;
  {
    World world;
    auto file = Database::open(path);
    REQUIRE(file);
    world.database = std::move(*file);
    world.answers = AnswerStore(*world.database);
    owner = world.sign_in("default");
    world.keep(owner, "question", "answer");
    REQUIRE(world.database->execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) "
        "INSERT INTO answers (account, owner, hash, question, answer, model, created_at, size) "
        "SELECT a.id, 'https://github.com', i, hex(randomblob(400)), 'a', 'm', 1790000000, 801 "
        "FROM n, accounts a"));
  }
  auto const before = bytes_read();
  auto database = Database::open(path);
  REQUIRE(database);
  auto account = AccountStore(**database).find("https://github.com", "default");
  REQUIRE(account);
  CHECK(account->has_value());
  auto found = AnswerStore(**database).find(owner, "question", 1'790'000'000, AnswerLimits());
  REQUIRE(found);
  REQUIRE(found->has_value());
  CHECK((*found)->answer == "answer");
  CHECK(bytes_read() - before < (1 << 20));
  std::ifstream file(path, std::ios::ate);
  CHECK(static_cast<std::int64_t>(file.tellg()) > (30 << 20));
}

TEST_CASE("what is beyond the age is deleted when something new comes") {
  World world;
  world.limits.max_age = 100;
  world.keep(somebody("x"), "one", "a");
  world.now += 101;
  AnswerStore fresh(*world.database);  // as after a restart: it looks at once
  StoredAnswer answer;
  answer.answer = "b";
  answer.created_at = world.now;
  REQUIRE(fresh.save(somebody("x"), "two", answer, world.limits));
  CHECK(world.rows() == "1");
}

TEST_CASE("a sign-out takes the answers along; none is kept for a sign-in that has ended") {
  World world;
  auto const alice = world.sign_in("alice");
  world.keep(alice, "q", "a");
  world.keep(somebody("carol"), "q", "c");
  REQUIRE(AccountStore(*world.database).remove("https://github.com", "alice"));
  CHECK(world.rows() == "1");
  world.keep(alice, "q", "late");
  CHECK(world.rows() == "1");
  CHECK(world.found(somebody("carol"), "q") == "c");
}

}  // namespace
