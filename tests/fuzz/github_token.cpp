// A token that was accepted has one of the known shapes, and a refusal repeats no part of the text.
#include "protocol/github_token.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace jumpseat;

void require(bool condition, char const* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  auto token = check_github_token(text);
  if (!token) {
    std::string const message = token.error().message();
    require(message.starts_with("Invalid GitHub token format") ||
                message.starts_with("GitHub token cannot be empty"),
            "a refusal starts with the known phrase");
    // Sixteen bytes in a row cannot be there by chance, unless they are our own words.
    for (std::size_t i = 0; i + 16 <= text.size(); ++i) {
      std::string const piece(text.substr(i, 16));
      if (piece.find(' ') == std::string::npos)
        require(message.find(piece) == std::string::npos, "a refusal repeats nothing");
    }
    return 0;
  }
  std::string_view const accepted = token->reveal();
  require(text.find(accepted) != std::string_view::npos, "a token is a part of the text");
  require(accepted.size() >= 24 && accepted.size() <= 266, "a token has a token's length");
  require(accepted.find_first_not_of(
              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
              std::string_view::npos,
          "a token is one word");
  TokenKind const kind = token_kind(*token);
  require(!describe(kind).empty(), "a kind has a name");
  require(kind != TokenKind::legacy || accepted.size() == 40, "an old token has 40 digits");
  require(check_github_token(accepted).has_value(), "an accepted token is accepted again");
  return 0;
}
