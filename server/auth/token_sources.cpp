#include "server/auth/token_sources.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "protocol/foreign_sign_ins.h"
#include "server/base/log.h"
#include "storage/private_file.h"

namespace jumpseat {
namespace {

using SignIns = std::vector<GitHubSignIn>;

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

constexpr std::size_t most_bytes_of_json = 256u << 10;

}  // namespace

awaitable<> TokenSource::ask() { co_return; }

Result<SignIns> ExplicitTokens::find(std::vector<PassedOver>& passed_over) {
  for (auto const& given : config_.tokens) {
    auto const source = given.origin.text() + " " + given.key;
    // Whoever names an account means it, not the token that happens to be in the environment.
    if (!config_.account.empty() && given.origin.kind != Origin::Kind::command_line &&
        given.origin.kind != Origin::Kind::client) {
      passed_over.push_back({source, "the account \"" + config_.account + "\" was asked for (" +
                                         config_.account_origin.text() + ")"});
      continue;
    }
    // A file may belong to a directory that somebody else filled; it does not decide that a token
    // goes to a simulator.
    if (config_.issuer.simulated() && given.origin.kind != Origin::Kind::environment &&
        given.origin.kind != Origin::Kind::command_line &&
        given.origin.kind != Origin::Kind::client) {
      passed_over.push_back({source, "tokens from files are not sent to a simulator"});
      continue;
    }
    auto token = check_github_token(given.value.reveal());
    if (!token) return token.error().within(source);
    auto const kind = token_kind(*token);
    if (ambient(given) && can_never_chat(kind)) {
      auto reason = std::string(describe(kind)) + " cannot be used with Copilot";
      if (std::find(warned_.begin(), warned_.end(), source) == warned_.end()) {
        warned_.push_back(source);
        log::warning("auth", source + " is passed over: a " + reason + ".");
      }
      passed_over.push_back({source, std::move(reason)});
      continue;
    }
    GitHubSignIn sign_in;
    sign_in.token = std::move(*token);
    sign_in.kind = kind;
    sign_in.source = source;
    SignIns found;
    found.push_back(std::move(sign_in));
    return found;
  }
  if (config_.tokens.empty()) {
    passed_over.push_back({"environment and configuration", "no token is set"});
  }
  return SignIns();
}

Result<SignIns> SavedSignIn::find(std::vector<PassedOver>& passed_over) {
  if (!config_.token_places.saved) {
    passed_over.push_back({"saved sign-in", "JUMPSEAT_TOKEN_SOURCES leaves it out"});
    return SignIns();
  }
  to_ask_.reset();
  auto const name = account_name(config_);
  auto const& issuer = config_.issuer.origin;
  auto const source =
      config_.account.empty() ? std::string("saved sign-in") : "saved sign-in \"" + name + "\"";
  auto account = stores_.accounts().find(issuer, name);
  if (!account) {
    passed_over.push_back({source, account.error().message()});
    return SignIns();
  }
  SignIns found;
  if (!*account) {
    std::string reason = config_.account.empty() ? "nobody has signed in at " + issuer
                                                 : "there is none of that name at " + issuer;
    // Other accounts are named, never taken in place of the one that was asked for.
    if (auto others = stores_.accounts().list(issuer); others && !others->empty()) {
      std::string names;
      for (auto const& each : *others) names += (names.empty() ? "" : ", ") + each.name;
      reason += "; there are sign-ins named: " + names + " (choose one with --account)";
    } else if (config_.account.empty()) {
      reason += " on this machine";
    }
    passed_over.push_back({source, std::move(reason)});
    return found;
  }
  auto token = token_of(**account);
  if (!token) return token.error();
  if (token->empty()) {
    passed_over.push_back({source, "the keyring has not been asked yet"});
    return found;
  }
  GitHubSignIn sign_in;
  sign_in.token = std::move(*token);
  sign_in.ownership = GitHubSignIn::Kind::saved;
  sign_in.kind = token_kind(sign_in.token);
  sign_in.source = source;
  sign_in.login = (*account)->login;
  sign_in.name = name;
  sign_in.account = (*account)->id;
  sign_in.route = (*account)->route;
  found.push_back(std::move(sign_in));
  return found;
}

// Empty when the keyring has to be asked first.
Result<Secret> SavedSignIn::token_of(Account const& account) {
  if (!account.in_keyring) return account.github_token;
  auto known = keyring_ == nullptr ? Secret() : keyring_->known(account.id);
  if (!known.empty()) return known;
  if (refusal_) {
    // Said once: the next look asks again.
    auto said = std::move(*refusal_);
    refusal_.reset();
    return said;
  }
  to_ask_ = account.id;
  return Secret();
}

awaitable<> SavedSignIn::ask() {
  auto const id = to_ask_;
  to_ask_.reset();
  if (!id || keyring_ == nullptr) co_return;
  auto token = co_await keyring_->look_up(config_.issuer.origin, account_name(config_));
  if (token && !token->empty()) {
    auto checked = check_github_token(token->reveal());
    if (checked) keyring_->know(*id, std::move(*checked));
    if (!checked) token = checked.error();
  }
  std::string const reason = !token           ? token.error().message()
                             : token->empty() ? "it has no such entry"
                                              : "";
  if (reason.empty()) co_return;
  refusal_ = fail(ErrorCode::storage_unavailable,
                  "The saved sign-in is in the desktop's keyring, which cannot be used: " + reason +
                      ". Unlock it and try again, or sign in anew with `jumpseat login --again`.");
}

Result<SignIns> CopilotPluginFiles::find(std::vector<PassedOver>& passed_over) {
  SignIns found;
  if (!config_.token_places.github_copilot) {
    passed_over.push_back(
        {"github-copilot/apps.json, hosts.json", "JUMPSEAT_TOKEN_SOURCES leaves them out"});
    return found;
  }
  if (directory_.empty()) return found;
  read("apps.json", found, passed_over);
  read("hosts.json", found, passed_over);
  // Where the newer plug-ins keep theirs: encrypted, for themselves. It is not opened.
  struct stat status{};
  if (found.empty() && ::lstat((directory_ + "/auth.db").c_str(), &status) == 0) {
    passed_over.push_back(
        {"github-copilot/auth.db", "its sign-ins are encrypted for their own program"});
  }
  return found;
}

void CopilotPluginFiles::read(std::string const& name, SignIns& found,
                              std::vector<PassedOver>& passed_over) const {
  std::string const source = "github-copilot/" + name;
  auto text = read_private_file(directory_ + "/" + name, most_bytes_of_json);
  if (!text) return passed_over.push_back({source, text.error().message()});
  if (!*text) return passed_over.push_back({source, "there is no such file"});
  auto entries = read_copilot_apps((*text)->reveal(), config_.issuer.host());
  if (!entries) return passed_over.push_back({source, entries.error().message()});
  for (auto& reason : entries->skipped) passed_over.push_back({source, std::move(reason)});
  if (entries->found.empty() && entries->skipped.empty())
    passed_over.push_back({source, "it has no sign-in for " + config_.issuer.host()});
  for (auto& entry : entries->found) {
    bool known = false;
    for (auto const& other : found) known = known || other.token == entry.token;
    if (known) continue;
    GitHubSignIn sign_in;
    sign_in.ownership = GitHubSignIn::Kind::borrowed;
    sign_in.kind = token_kind(entry.token);
    sign_in.token = std::move(entry.token);
    sign_in.source = source + ", " + entry.key;
    sign_in.login = std::move(entry.user);
    found.push_back(std::move(sign_in));
  }
}

Result<TokenSources::Found> TokenSources::find() {
  Found found;
  bool asked_why_not = false;
  bool borrowing = true;
  for (auto& source : sources_) {
    if (source->borrows() && !asked_why_not) {
      asked_why_not = true;
      auto reason = why_not_ ? why_not_() : std::string();
      borrowing = reason.empty();
      if (!borrowing) found.passed_over.push_back({"other programs' sign-ins", std::move(reason)});
    }
    if (source->borrows() && !borrowing) continue;
    auto sign_ins = source->find(found.passed_over);
    if (!sign_ins) return sign_ins.error();
    for (auto& sign_in : *sign_ins) {
      bool const ours = sign_in.ownership != GitHubSignIn::Kind::borrowed;
      found.sign_ins.push_back(std::move(sign_in));
      if (ours) return found;
    }
    found.pending = found.pending || source->pending();
    // What comes after a sign-in of ours is not looked at before that one is known.
    if (source->pending() && !source->borrows()) return found;
  }
  return found;
}

awaitable<std::vector<GitHubSignIn>> TokenSources::all() {
  std::vector<GitHubSignIn> sign_ins;
  std::vector<PassedOver> ignored;
  for (auto& source : sources_) {
    auto found = source->find(ignored);
    if (source->pending()) {
      co_await source->ask();
      found = source->find(ignored);
    }
    if (!found) continue;
    for (auto& sign_in : *found) sign_ins.push_back(std::move(sign_in));
  }
  co_return sign_ins;
}

std::string why_not_borrow(Stores& stores, Config const& config) {
  if (!config.account.empty())
    return "the account \"" + config.account + "\" was asked for (" + config.account_origin.text() +
           ")";
  auto const& issuer = config.issuer.origin;
  if (auto out = stores.accounts().signed_out(issuer); out && *out)
    return "somebody signed out on this machine; `jumpseat login` signs in, `jumpseat login "
           "--existing` uses them again";
  if (auto saved = stores.accounts().list(issuer); saved && !saved->empty())
    return "there are saved sign-ins to choose from (--account)";
  return {};
}

awaitable<> TokenSources::ask() {
  for (auto& source : sources_) {
    if (!source->pending()) continue;
    co_await source->ask();
    if (!source->borrows()) co_return;
  }
}

}  // namespace jumpseat
