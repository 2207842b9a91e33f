// Token formats, and the phrases people search for.
#include "protocol/github_token.h"

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/show.h"

using namespace jumpseat;

namespace {

std::string const body36 = "abcdefghijklmnopqrstuvwxyzABCDEFGH01";

std::string refusal(std::string_view text) {
  auto checked = check_github_token(text);
  INFO(text);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code() == ErrorCode::token_malformed);
  return checked.error().message();
}

}  // namespace

TEST_CASE("each kind of GitHub token is known by its prefix") {
  struct Row {
    std::string prefix;
    TokenKind kind;
    std::string_view description;
  };
  std::vector<Row> const rows = {
      {"gho_", TokenKind::oauth, "OAuth token (gho_)"},
      {"ghu_", TokenKind::user_to_server, "GitHub App user token (ghu_)"},
      {"ghp_", TokenKind::classic_pat, "classic personal access token (ghp_)"},
      {"github_pat_", TokenKind::fine_grained_pat,
       "fine-grained personal access token (github_pat_)"},
      {"ghs_", TokenKind::server_to_server, "GitHub App installation token (ghs_)"},
      {"ghr_", TokenKind::refresh, "refresh token (ghr_)"},
  };
  for (Row const& row : rows) {
    for (std::size_t const length : {20u, 36u, 255u}) {
      std::string text = row.prefix;
      while (text.size() < row.prefix.size() + length) text += body36[text.size() % body36.size()];
      auto checked = check_github_token(text);
      INFO(text);
      REQUIRE(checked);
      CHECK(checked->reveal() == text);
      CHECK(token_kind(*checked) == row.kind);
      CHECK(describe(row.kind) == row.description);
    }
    CHECK_THAT(refusal(row.prefix + body36.substr(0, 19)),
               Catch::StartsWith("Invalid GitHub token format") &&
                   Catch::Contains("come 19 characters, expected 20 to 255"));
    CHECK_THAT(refusal(row.prefix + std::string(256, 'a')), Catch::Contains("come 256 characters"));
    CHECK_THAT(refusal(row.prefix + body36 + "-"), Catch::Contains("only letters, digits"));
  }
  auto legacy = check_github_token("0123456789abcdefABCDEF0123456789abcdef01");
  REQUIRE(legacy);
  CHECK(token_kind(*legacy) == TokenKind::legacy);
}

TEST_CASE("white space around a token is cut, inside of it is an error") {
  auto checked = check_github_token(" \t\r\ngho_" + body36 + "\r\n ");
  REQUIRE(checked);
  CHECK(checked->reveal() == "gho_" + body36);
  CHECK_THAT(refusal("gho_abcdefghijklmnop qrstuvwxyz"), Catch::Contains("white space"));
  CHECK_THAT(refusal("gho_abcdefghijklmnop\nqrstuvwxyz"), Catch::Contains("white space"));
}

TEST_CASE("an empty token has its own phrase") {
  for (std::string_view const text : {"", " ", "\t\r\n", "\v\f"})
    CHECK_THAT(refusal(text), Catch::StartsWith("GitHub token cannot be empty"));
}

TEST_CASE("what is wrong with a token is said, the token is not") {
  struct Row {
    std::string text;
    std::string_view reason;
  };
  std::vector<Row> const rows = {
      {"<your token>", "placeholder"},
      {"<GITHUB_TOKEN>", "placeholder"},
      {"${GITHUB_TOKEN}", "placeholder"},
      {"{{token}}", "placeholder"},
      {"your_token_here", "placeholder"},
      {"YOUR_GITHUB_TOKEN", "placeholder"},
      {"ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "placeholder"},
      {"ghp_XXXXXXXXXXXXXXXXXXXX", "placeholder"},
      {"gho_...", "placeholder"},
      {"gho_", "placeholder"},
      {"github_pat_****", "placeholder"},
      {"gho_your_token_here_1234567890", "placeholder"},
      {"changeme", "placeholder"},
      {"replace_me_with_a_token_please", "placeholder"},
      {"\"gho_" + body36 + "\"", "quotation mark"},
      {"'gho_" + body36 + "'", "quotation mark"},
      {"tid=0001;exp=1790000000;sku=monthly_subscriber:0f0e", "Copilot token"},
      {"Bearer gho_" + body36, "Authorization header"},
      {"token gho_" + body36, "Authorization header"},
      {"Basic Z2hvX2FiY2RlZg==", "Authorization header"},
      {"GHO_" + body36, "starts with gho_"},
      {"ghx_" + body36, "starts with gho_"},
      {"github-pat_" + body36, "starts with gho_"},
      {"sk-proj-" + body36, "starts with gho_"},
      {"0123456789abcdef0123456789abcdef0123456", "40 hex digits"},
      {"0123456789abcdef0123456789abcdef012345678", "40 hex digits"},
      {"0123456789abcdef0123456789abcdef0123456g", "40 hex digits"},
      {"gho_abcdefghijklmnopqrstuvwx\xc3\xa9", "only letters"},
      {std::string("gho_abcdefghijklmnopqrstuvwx\0", 29), "only letters"},
      {std::string(100000, 'a'), "100000 characters long"},
  };
  for (Row const& row : rows) {
    INFO(row.text.substr(0, 80));
    std::string const message = refusal(row.text);
    CHECK_THAT(message, Catch::StartsWith("Invalid GitHub token format: ") &&
                            Catch::Contains(std::string(row.reason)));
    // S14: never echoed, not even a part of it.
    for (std::size_t i = 0; i + 12 <= row.text.size() && i < 200; ++i)
      CHECK(message.find(row.text.substr(i, 12)) == std::string::npos);
  }
}
