#include "server/auth/token_sources.h"

#include <utility>

#include "server/base/log.h"

namespace jumpseat {
namespace {

// GITHUB_TOKEN and GH_TOKEN are set for many purposes; the other names say Copilot.
bool ambient(ExplicitToken const& token) {
  return token.key == "GITHUB_TOKEN" || token.key == "GH_TOKEN";
}

// Kinds that no Copilot service takes from an editor.
bool can_never_chat(TokenKind kind) {
  switch (kind) {
    case TokenKind::classic_pat:
    case TokenKind::server_to_server:
    case TokenKind::refresh:
      return true;
    case TokenKind::oauth:
    case TokenKind::user_to_server:
    case TokenKind::fine_grained_pat:
    case TokenKind::legacy:
      return false;
  }
  return false;
}

}  // namespace

Result<std::optional<GitHubSignIn>> ExplicitTokens::find(std::vector<PassedOver>& passed_over) {
  for (auto const& given : config_.tokens) {
    auto const source = given.origin.text() + " " + given.key;
    // A file may belong to a directory that somebody else filled; it does not decide that a token
    // goes to a simulator.
    if (config_.issuer.simulated() && given.origin.kind != Origin::Kind::environment &&
        given.origin.kind != Origin::Kind::command_line) {
      passed_over.push_back({source, "tokens from files are not sent to a simulator"});
      continue;
    }
    auto token = check_github_token(given.value.reveal());
    if (!token) return token.error().within(source);
    auto const kind = token_kind(*token);
    if (ambient(given) && can_never_chat(kind)) {
      auto reason = std::string(describe(kind)) + " cannot be used with Copilot";
      log::warning("auth", source + " is passed over: a " + reason + ".");
      passed_over.push_back({source, std::move(reason)});
      continue;
    }
    GitHubSignIn sign_in;
    sign_in.token = std::move(*token);
    sign_in.kind = kind;
    sign_in.source = source;
    return std::optional(std::move(sign_in));
  }
  if (config_.tokens.empty()) {
    passed_over.push_back({"environment and configuration", "no token is set"});
  }
  return std::optional<GitHubSignIn>();
}

Result<std::optional<GitHubSignIn>> SavedSignIn::find(std::vector<PassedOver>& passed_over) {
  auto account = stores_.accounts().find(issuer_, default_account);
  if (!account) {
    passed_over.push_back({"saved sign-in", account.error().message()});
    return std::optional<GitHubSignIn>();
  }
  if (!*account) {
    passed_over.push_back(
        {"saved sign-in", "nobody has signed in at " + issuer_ + " on this machine"});
    return std::optional<GitHubSignIn>();
  }
  GitHubSignIn sign_in;
  sign_in.token = std::move((*account)->github_token);
  sign_in.kind = token_kind(sign_in.token);
  sign_in.source = "saved sign-in";
  sign_in.login = (*account)->login;
  sign_in.account = (*account)->id;
  return std::optional(std::move(sign_in));
}

Result<TokenSources::Found> TokenSources::find() {
  Found found;
  for (auto& source : sources_) {
    auto sign_in = source->find(found.passed_over);
    if (!sign_in) return sign_in.error();
    if (*sign_in) {
      found.sign_in = std::move(*sign_in);
      break;
    }
  }
  return found;
}

}  // namespace jumpseat
