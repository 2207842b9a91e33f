// Sign-ins: bound to their issuer, replaced as a whole, deleted without a trace.
#include "storage/accounts.h"

#include <sys/stat.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "storage/database.h"
#include "storage/models.h"
#include "tests/support/show.h"
#include "tests/support/temp_dir.h"

using namespace jumpseat;

namespace {

constexpr std::string_view github = "https://github.com";
constexpr std::string_view simulator = "http://127.0.0.1:8123";

std::unique_ptr<Database> opened(std::string const& path = ":memory:") {
  auto database = Database::open(path);
  REQUIRE(database);
  return std::move(*database);
}

Account account(std::string_view issuer, std::string_view name, std::string_view token) {
  Account made;
  made.issuer = issuer;
  made.name = name;
  made.login = "octocat";
  made.github_token = Secret(std::string(token));
  made.created_at = 1790000000;
  return made;
}

StoredCopilotToken copilot_token(std::string_view text) {
  StoredCopilotToken token;
  token.token = Secret(std::string(text));
  token.received_at = 1790000001;
  token.expires_at = 1790001801;
  token.refresh_in = 1500;
  token.api = "https://api.individual.githubcopilot.com";
  token.sku = "monthly_subscriber";
  return token;
}

// "id name login token created_at"
std::string text_of(Account const& account) {
  return std::to_string(account.id) + " " + account.name + " " + account.login + " " +
         std::string(account.github_token.reveal()) + " " + std::to_string(account.created_at);
}
std::string shown(Result<std::optional<Account>> const& found) {
  REQUIRE(found);
  return *found ? text_of(**found) : "none";
}
std::string shown(Result<std::optional<StoredCopilotToken>> const& found) {
  REQUIRE(found);
  if (!*found) return "none";
  StoredCopilotToken const& token = **found;
  return std::string(token.token.reveal()) + " " + std::to_string(token.received_at) + " " +
         std::to_string(token.expires_at) + " " + std::to_string(token.refresh_in) + " " +
         token.api + " " + token.sku;
}

}  // namespace

TEST_CASE("a sign-in is found under its issuer and name, and under nothing else") {
  auto database = opened();
  AccountStore store(*database);
  CHECK(shown(store.find(github, "default")) == "none");

  auto saved = store.save(account(github, "default", "gho_1"));
  REQUIRE(saved);
  CHECK(text_of(*saved) == "1 default octocat gho_1 1790000000");
  CHECK(shown(store.find(github, "default")) == "1 default octocat gho_1 1790000000");
  CHECK(shown(store.find(github, "work")) == "none");
  CHECK(shown(store.find(github, "Default")) == "none");
}

TEST_CASE("E4: GitHub's sign-in is not a simulator's, and the other way round") {
  auto database = opened();
  AccountStore store(*database);
  REQUIRE(store.save(account(github, "default", "gho_real")));
  REQUIRE(store.save(account(simulator, "default", "gho_fake")));
  CHECK_THAT(shown(store.find(github, "default")), Catch::Contains("gho_real"));
  CHECK_THAT(shown(store.find(simulator, "default")), Catch::Contains("gho_fake"));
  for (std::string_view const other :
       {"", "https://github.com/", "http://github.com", "https://github.com:443",
        "https://acme.ghe.com", "http://127.0.0.1:8124", "http://127.0.0.1",
        "https://127.0.0.1:8123", "%"}) {
    INFO(other);
    CHECK(shown(store.find(other, "default")) == "none");
    auto none = store.list(other);
    REQUIRE(none);
    CHECK(none->empty());
    auto removed = store.remove(other, "default");
    REQUIRE(removed);
    CHECK_FALSE(*removed);
  }
  auto gone = store.remove(simulator, "default");
  REQUIRE(gone);
  CHECK(*gone);
  CHECK_THAT(shown(store.find(github, "default")), Catch::Contains("gho_real"));
}

TEST_CASE("several accounts of one issuer are listed by name") {
  auto database = opened();
  AccountStore store(*database);
  for (std::string_view const name : {"work", "default", "play"})
    REQUIRE(store.save(account(github, name, "gho_" + std::string(name))));
  REQUIRE(store.save(account(simulator, "another", "gho_x")));
  auto all = store.list(github);
  REQUIRE(all);
  std::string names;
  for (Account const& each : *all) names += each.name + " ";
  CHECK(names == "default play work ");
}

TEST_CASE("signing in again replaces everything that belonged to the old sign-in") {
  auto database = opened();
  AccountStore store(*database);
  auto old = store.save(account(github, "default", "gho_old"));
  REQUIRE(old);
  REQUIRE(store.save_copilot_token(old->id, copilot_token("tid=old")));
  ModelStore models(*database);
  REQUIRE(models.save(old->id, "vscode-chat", StoredModels{"[]", "", 1}));

  auto renewed = store.save(account(github, "default", "gho_new"));
  REQUIRE(renewed);
  CHECK(renewed->id != old->id);
  CHECK_THAT(shown(store.find(github, "default")), Catch::Contains("gho_new"));
  CHECK(store.list(github)->size() == 1);
  CHECK(shown(store.copilot_token(renewed->id)) == "none");
  CHECK_FALSE(models.find(renewed->id, "vscode-chat")->has_value());
  CHECK_FALSE(models.find(old->id, "vscode-chat")->has_value());

  // Another process that still holds the old id cannot attach its token to the new sign-in.
  auto late = store.save_copilot_token(old->id, copilot_token("tid=late"));
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == ErrorCode::not_signed_in);
  CHECK(shown(store.copilot_token(renewed->id)) == "none");
}

TEST_CASE("the login is filled in later") {
  auto database = opened();
  AccountStore store(*database);
  Account anonymous = account(github, "default", "gho_1");
  anonymous.login.clear();
  auto saved = store.save(anonymous);
  REQUIRE(saved);
  REQUIRE(store.set_login(saved->id, "hubot"));
  CHECK(shown(store.find(github, "default")) == "1 default hubot gho_1 1790000000");
  REQUIRE(store.set_login(4711, "nobody"));
  CHECK(store.list(github)->size() == 1);
}

TEST_CASE("a Copilot token is kept with all that came with it, one per sign-in") {
  auto database = opened();
  AccountStore store(*database);
  auto saved = store.save(account(github, "default", "gho_1"));
  REQUIRE(saved);
  CHECK(shown(store.copilot_token(saved->id)) == "none");
  REQUIRE(store.save_copilot_token(saved->id, copilot_token("tid=1")));
  CHECK(shown(store.copilot_token(saved->id)) ==
        "tid=1 1790000001 1790001801 1500 https://api.individual.githubcopilot.com "
        "monthly_subscriber");
  StoredCopilotToken next = copilot_token("tid=2");
  next.api = "https://api.business.githubcopilot.com";
  next.refresh_in = 300;
  REQUIRE(store.save_copilot_token(saved->id, next));
  CHECK(
      shown(store.copilot_token(saved->id)) ==
      "tid=2 1790000001 1790001801 300 https://api.business.githubcopilot.com monthly_subscriber");
  // Another process has stored a newer one meanwhile: that one stays.
  REQUIRE(store.forget_copilot_token(saved->id, Secret("tid=1")));
  CHECK(shown(store.copilot_token(saved->id)).starts_with("tid=2 "));
  REQUIRE(store.forget_copilot_token(saved->id, Secret("tid=2")));
  CHECK(shown(store.copilot_token(saved->id)) == "none");
  REQUIRE(store.forget_copilot_token(saved->id, Secret("tid=2")));
  CHECK(store.save_copilot_token(4711, copilot_token("tid=3")).error().code() ==
        ErrorCode::not_signed_in);
}

TEST_CASE("ids are never used again") {
  auto database = opened();
  AccountStore store(*database);
  std::int64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    auto saved = store.save(account(github, "default", "gho_1"));
    REQUIRE(saved);
    CHECK(saved->id > last);
    last = saved->id;
    REQUIRE(store.remove(github, "default"));
  }
}

TEST_CASE("S16: after a sign-out no byte of the tokens is left in any file") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  std::string const token = "gho_CanaryCanaryCanaryCanary0123456789ab";
  std::string const copilot = "tid=CanaryCanaryCanaryCanary0123456789;exp=1:ab";
  auto database = opened(path);
  AccountStore store(*database);
  auto const count = [&] {
    std::size_t found = 0;
    for (std::string const& name : directory.names()) {
      std::string const bytes = read_file(directory / name);
      for (std::size_t at = bytes.find("Canary"); at != std::string::npos;
           at = bytes.find("Canary", at + 1))
        ++found;
    }
    return found;
  };
  // Long enough for the pages to be moved about.
  for (int i = 0; i < 50; ++i) {
    auto saved = store.save(account(github, "default", token + std::to_string(i)));
    REQUIRE(saved);
    REQUIRE(store.save_copilot_token(saved->id, copilot_token(copilot + std::string(700, 'x'))));
    StoredModels models;
    models.body = std::string(10000, 'm');
    REQUIRE(ModelStore(*database).save(saved->id, "vscode-chat", models));
  }
  CHECK(count() > 0);
  auto removed = store.remove(github, "default");
  REQUIRE(removed);
  CHECK(*removed);
  CHECK(count() == 0);
  CHECK(store.list(github)->empty());
  database.reset();
  CHECK(count() == 0);
}

TEST_CASE("what is known about a borrowed sign-in hangs on a row without its token") {
  auto database = opened();
  AccountStore store(*database);
  REQUIRE(store.save(account(github, "default", "gho_1")));
  auto row = store.save_borrowed(github, "print-1", 1'790'000'000);
  REQUIRE(row);
  CHECK(row->github_token.empty());
  CHECK(row->route == TokenRoute::unknown);
  REQUIRE(store.set_route(row->id, TokenRoute::direct));
  REQUIRE(store.set_login(row->id, "octo"));
  REQUIRE(store.save_copilot_token(row->id, copilot_token("tid=1")));
  // The same sign-in again, later.
  auto again = store.save_borrowed(github, "print-1", 1'790'000'500);
  REQUIRE(again);
  CHECK(again->id == row->id);
  CHECK(again->route == TokenRoute::direct);
  CHECK(again->login == "octo");
  CHECK(store.copilot_token(row->id)->has_value());
  // It is nobody's saved sign-in.
  CHECK_FALSE(store.find(github, "print-1")->has_value());
  CHECK(store.list(github)->size() == 1);
  CHECK(store.list()->size() == 1);
  CHECK_FALSE(store.find_borrowed("https://acme.ghe.com", "print-1")->has_value());
  // What nobody has used for a month goes with the next one.
  REQUIRE(store.save_borrowed(github, "print-2", 1'790'000'500 + 31 * 86'400));
  CHECK_FALSE(store.find_borrowed(github, "print-1")->has_value());
  CHECK_FALSE(store.copilot_token(row->id)->has_value());
}

TEST_CASE("a sign-out forbids borrowing at its issuer until somebody signs in there") {
  auto database = opened();
  AccountStore store(*database);
  REQUIRE(store.save_borrowed(github, "print-1", 1'790'000'000));
  CHECK_FALSE(*store.signed_out(github));
  REQUIRE(store.forbid_borrowing(github, 1'790'000'001));
  REQUIRE(store.forbid_borrowing(github, 1'790'000'002));
  CHECK(*store.signed_out(github));
  CHECK_FALSE(*store.signed_out("https://acme.ghe.com"));
  CHECK_FALSE(store.find_borrowed(github, "print-1")->has_value());
  REQUIRE(store.save(account(github, "work", "gho_1")));
  CHECK_FALSE(*store.signed_out(github));
  REQUIRE(store.forbid_borrowing(github, 1'790'000'003));
  REQUIRE(store.allow_borrowing(github));
  CHECK_FALSE(*store.signed_out(github));
}

TEST_CASE("D10: a sign-out elsewhere is seen at once") {
  TempDir directory;
  auto one = opened(directory / "jumpseat.db");
  auto two = opened(directory / "jumpseat.db");
  auto saved = AccountStore(*one).save(account(github, "default", "gho_1"));
  REQUIRE(saved);
  REQUIRE(AccountStore(*two).remove(github, "default"));
  CHECK(shown(AccountStore(*one).find(github, "default")) == "none");
  CHECK(AccountStore(*one).save_copilot_token(saved->id, copilot_token("tid=1")).error().code() ==
        ErrorCode::not_signed_in);
}
