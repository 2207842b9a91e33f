// Other programs' files, good and bad: what is taken, what is left out, and why.
#include "protocol/foreign_sign_ins.h"

#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "protocol/github_token.h"
#include "protocol/json.h"
#include "tests/support/show.h"

using namespace jumpseat;

namespace {

std::string const one = "ghu_abcdefghijklmnopqrstuvwxyzABCDEFGH01";
std::string const two = "gho_abcdefghijklmnopqrstuvwxyzABCDEFGH02";

// "key=last two characters of the token/user" of each, then the reasons.
std::string shown(Result<ForeignSignIns> const& read) {
  if (!read) return "failed: " + read.error().message();
  std::string out;
  for (auto const& each : read->found) {
    auto const token = each.token.reveal();
    out += each.key + "=" + std::string(token.substr(token.size() - 2)) + "/" + each.user + " ";
  }
  for (auto const& reason : read->skipped) out += "[" + reason + "]";
  return out;
}

}  // namespace

TEST_CASE("apps.json and hosts.json: entries of the host, in their order") {
  std::string const text = R"({"github.com:Iv1.a":{"user":"ada","oauth_token":")" + one +
                           R"(","githubAppId":"Iv1.a"},"acme.ghe.com:Iv1.a":{"oauth_token":")" +
                           two + R"("},"github.com":{"user":"bob","oauth_token":")" + two +
                           R"(","more":[1]}})";
  CHECK(shown(read_copilot_apps(text, "github.com")) ==
        "github.com:Iv1.a=01/ada github.com=02/bob ");
  CHECK(shown(read_copilot_apps(text, "acme.ghe.com")) == "acme.ghe.com:Iv1.a=02/ ");
  CHECK(shown(read_copilot_apps(text, "ghe.com")).empty());
  CHECK(shown(read_copilot_apps("\xEF\xBB\xBF" + text, "acme.ghe.com")) ==
        "acme.ghe.com:Iv1.a=02/ ");
}

TEST_CASE("a key belongs to a host only when it is the host, or goes on with a colon") {
  for (std::string const key :
       {"github.community", "github.com.evil.example:Iv1.a", "github.co", "api.github.com",
        "GITHUB.COM", " github.com", "https://github.com", "github.com/", ""}) {
    INFO(key);
    CHECK(shown(read_copilot_apps(R"({")" + key + R"(":{"oauth_token":")" + one + R"("}})",
                                  "github.com"))
              .empty());
  }
  CHECK_FALSE(
      shown(read_copilot_apps(R"({"127.0.0.1:8123:Iv1.a":{"oauth_token":")" + one + R"("}})",
                              "127.0.0.1:8123"))
          .empty());
  // Another port is another issuer.
  CHECK(shown(read_copilot_apps(R"({"127.0.0.1:81234:Iv1.a":{"oauth_token":")" + one + R"("}})",
                                "127.0.0.1:8123"))
            .empty());
}

TEST_CASE(
    "entries that cannot be used are left out with their key and the reason, never the token") {
  auto const read = [](std::string const& value) {
    return shown(read_copilot_apps(R"({"github.com:x":)" + value + "}", "github.com"));
  };
  CHECK(read("1") == "[github.com:x is not an object]");
  CHECK(read("null") == "[github.com:x is not an object]");
  CHECK(read("{}") == "[github.com:x has no oauth_token]");
  CHECK(read(R"({"oauth_token":17})") == "[github.com:x has no oauth_token]");
  CHECK_THAT(read(R"({"oauth_token":"ghu_abcdefghijklmnopq\nrstuvwxyzABCDEFGH01"})"),
             Catch::Contains("white space in the middle") && !Catch::Contains("abcdefgh"));
  CHECK_THAT(read(R"({"oauth_token":"swordfish"})"),
             Catch::Contains("Invalid GitHub token format") && !Catch::Contains("swordfish"));
}

TEST_CASE("files that are no object fail") {
  CHECK(shown(read_copilot_apps("", "github.com")) == "failed: it is not JSON");
  CHECK(shown(read_copilot_apps("github.com:\n    oauth_token: gho_x\n", "github.com")) ==
        "failed: it is not JSON");
  CHECK(shown(read_copilot_apps(std::string(200'000, '['), "github.com")) ==
        "failed: it is not JSON");
  CHECK(shown(read_copilot_apps("[]", "github.com")) == "failed: it is JSON, but not an object");
  CHECK(shown(read_copilot_apps("\"x\"", "github.com")) == "failed: it is JSON, but not an object");
}

TEST_CASE("api-key.json: what LiteLLM needs is needed, the rest may be missing or odd") {
  auto whole = read_litellm_api_key(
      R"({"token":"tid=1;exp=2:mac","expires_at":1790001800,"refresh_in":1500,"sku":"x",)"
      R"("endpoints":{"api":"https://api.individual.githubcopilot.com"},"more":{}})");
  REQUIRE(whole);
  CHECK(whole->token.reveal() == "tid=1;exp=2:mac");
  CHECK(whole->expires_at == 1790001800);
  CHECK(whole->refresh_in == 1500);
  CHECK(whole->api == "https://api.individual.githubcopilot.com");
  auto bare = read_litellm_api_key(R"({"token":"tid=1","expires_at":5,"endpoints":[],"sku":1})");
  REQUIRE(bare);
  CHECK(bare->api.empty());
  CHECK(bare->refresh_in == 0);
  for (std::string const bad :
       {"", "tid=1", "[]", "{}", R"({"token":"tid=1"})", R"({"token":1,"expires_at":5})",
        R"({"token":"a b","expires_at":5})", R"({"token":"","expires_at":5})",
        R"({"token":"tid=1\n","expires_at":5})", R"({"token":"tid=1","expires_at":0})",
        R"({"token":"tid=1","expires_at":-1})", R"({"token":"tid=1","expires_at":"5"})"}) {
    INFO(bad);
    CHECK_FALSE(read_litellm_api_key(bad));
  }
}

TEST_CASE("api-key.json as we write it is read by us, and by LiteLLM's names") {
  CopilotToken token;
  token.token = Secret("tid=1;a=\"b\\c\"");
  token.expires_at = 1790001800;
  token.refresh_in = 1500;
  token.sku = "monthly_subscriber";
  auto const text = write_litellm_api_key(token, "https://api.business.githubcopilot.com");
  auto const value = parse_json(text.reveal());
  REQUIRE(value);
  CHECK(value->at("token").as_string() == "tid=1;a=\"b\\c\"");
  CHECK(value->at("expires_at").as_int64() == 1790001800);
  CHECK(value->at("endpoints").at("api").as_string() == "https://api.business.githubcopilot.com");
  auto again = read_litellm_api_key(text.reveal());
  REQUIRE(again);
  CHECK(again->token == token.token);
  CHECK(again->sku == token.sku);
}

TEST_CASE("a fingerprint tells tokens and issuers apart and says nothing about them") {
  auto const of = [](std::string const& token, std::string_view issuer) {
    return fingerprint(Secret(token), issuer);
  };
  auto const first = of(one, "https://github.com");
  CHECK(first == of(one, "https://github.com"));
  CHECK(first != of(two, "https://github.com"));
  CHECK(first != of(one, "https://acme.ghe.com"));
  CHECK(first.size() == 36);
  CHECK(first.find("abc") == std::string::npos);
}

TEST_CASE("the route that is tried first depends on the kind of token") {
  CHECK(first_route(TokenKind::user_to_server) == TokenRoute::exchange);
  CHECK(first_route(TokenKind::oauth) == TokenRoute::exchange);
  CHECK(first_route(TokenKind::fine_grained_pat) == TokenRoute::direct);
  CHECK(first_route(TokenKind::server_to_server) == TokenRoute::direct);
  CHECK_FALSE(may_go_direct(TokenKind::classic_pat));
  CHECK_FALSE(may_go_direct(TokenKind::refresh));
  CHECK(may_go_direct(TokenKind::oauth));
}
