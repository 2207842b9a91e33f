// GitHub tokens by their looks: what kind, and whether it can be one at all. Nothing here prints or
// keeps the token.
#pragma once

#include <string_view>

#include "protocol/result.h"
#include "protocol/secret.h"

namespace jumpseat {

// GitHub "About authentication to GitHub", token formats.
enum class TokenKind {
  oauth,             // gho_
  user_to_server,    // ghu_
  classic_pat,       // ghp_: refused by every Copilot service
  fine_grained_pat,  // github_pat_: direct bearer, when it has "Copilot Requests"
  server_to_server,  // ghs_
  refresh,           // ghr_
  legacy,            // 40 hex digits
};

// Prefix + 20–255 of [A-Za-z0-9_], or 40 hex digits. White space around it is cut. Fails with
// token_malformed: "GitHub token cannot be empty"; "Invalid GitHub token format", followed by what
// is wrong (placeholder text is recognised: <your token>, ghp_xxxx…, your_token_here, …), never by
// the text itself.
Result<Secret> check_github_token(std::string_view text);

// Precondition: check_github_token accepted it.
TokenKind token_kind(Secret const& token);

// For status and doctor: "OAuth token (gho_)".
std::string_view describe(TokenKind kind);

}  // namespace jumpseat
