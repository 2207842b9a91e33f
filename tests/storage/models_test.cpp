// The cached model list.
#include "storage/models.h"

#include <memory>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "storage/accounts.h"
#include "storage/database.h"
#include "tests/support/show.h"

using namespace jumpseat;

namespace {

std::int64_t sign_in(Database& database, std::string_view name) {
  Account account;
  account.issuer = "https://github.com";
  account.name = name;
  account.github_token = Secret("gho_1");
  auto saved = AccountStore(database).save(account);
  REQUIRE(saved);
  return saved->id;
}

std::string shown(Result<std::optional<StoredModels>> const& found) {
  REQUIRE(found);
  if (!*found) return "none";
  return (*found)->body + " " + (*found)->etag + " " + std::to_string((*found)->fetched_at);
}

}  // namespace

TEST_CASE("a model list belongs to a sign-in and an integration id") {
  auto database = Database::open(":memory:");
  REQUIRE(database);
  ModelStore models(**database);
  std::int64_t const one = sign_in(**database, "one");
  std::int64_t const two = sign_in(**database, "two");
  CHECK(shown(models.find(one, "vscode-chat")) == "none");

  REQUIRE(models.save(one, "vscode-chat", {"[1]", "\"e1\"", 100}));
  REQUIRE(models.save(one, "copilot-cli", {"[2]", "", 200}));
  REQUIRE(models.save(two, "vscode-chat", {"[3]", "\"e3\"", 300}));
  CHECK(shown(models.find(one, "vscode-chat")) == "[1] \"e1\" 100");
  CHECK(shown(models.find(one, "copilot-cli")) == "[2]  200");
  CHECK(shown(models.find(two, "vscode-chat")) == "[3] \"e3\" 300");
  CHECK(shown(models.find(two, "copilot-cli")) == "none");

  REQUIRE(models.save(one, "vscode-chat", {"[4]", "\"e4\"", 400}));
  CHECK(shown(models.find(one, "vscode-chat")) == "[4] \"e4\" 400");

  REQUIRE(AccountStore(**database).remove("https://github.com", "one"));
  CHECK(shown(models.find(one, "vscode-chat")) == "none");
  CHECK(shown(models.find(two, "vscode-chat")) == "[3] \"e3\" 300");
}

TEST_CASE("a list is kept to the byte, large or odd") {
  auto database = Database::open(":memory:");
  REQUIRE(database);
  ModelStore models(**database);
  std::int64_t const account = sign_in(**database, "default");
  for (std::string const& body :
       {std::string(), std::string("a\0b\xff", 4), std::string(2'000'000, 'm')}) {
    StoredModels list;
    list.body = body;
    REQUIRE(models.save(account, "vscode-chat", list));
    auto found = models.find(account, "vscode-chat");
    REQUIRE(found);
    REQUIRE(found->has_value());
    CHECK(((*found)->body == body));
  }
}

TEST_CASE("a list for a sign-in that is gone is refused") {
  auto database = Database::open(":memory:");
  REQUIRE(database);
  auto saved = ModelStore(**database).save(7, "vscode-chat", {"[]", "", 1});
  REQUIRE_FALSE(saved);
  CHECK(saved.error().code() == ErrorCode::not_signed_in);
}
