// GitHub tokens by their looks: what kind, and whether it can be one at all. Nothing here prints or
// keeps the token.
#pragma once

#include <string>
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

// How a GitHub token gets to Copilot: exchanged at GitHub for a short-lived Copilot token, or as
// the bearer itself. Which one works depends on the kind and on the app that the token was made by,
// so it is learnt.
enum class TokenRoute { unknown, exchange, direct };
std::string_view route_text(TokenRoute route);  // "exchange", "direct"; empty when unknown
// The one to try first. Fine-grained personal access tokens and installation tokens are never
// exchanged (GitHub answers 403 and 404), all others are.
TokenRoute first_route(TokenKind kind);
// Whether the other one is worth a try when the exchange does not take this kind of token: not for
// classic personal access tokens and refresh tokens, which no service of Copilot's takes.
bool may_go_direct(TokenKind kind);

// A name for a token that says nothing about it: the same for the same token and issuer, another
// one for any other (a UUID of RFC 9562's version 5, which is a SHA-1; a token has more than 200
// bits that nobody can guess). For keys of what was learnt about tokens that are not ours to store.
std::string fingerprint(Secret const& token, std::string_view issuer);

}  // namespace jumpseat
