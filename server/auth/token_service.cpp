#include "server/auth/token_service.h"

#include <algorithm>
#include <utility>

#include "server/base/log.h"

namespace jumpseat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds refresh_margin{300};  // refresh when less than this is left
constexpr seconds refusal_memory{60};
constexpr seconds refresh_pause{15};

Error disabled() {
  return fail(
      ErrorCode::copilot_disabled,
      "GitHub Copilot is switched off by GITHUB_COPILOT_ENABLED. Set it to true to use it.");
}

Error nobody_signed_in() {
  return fail(ErrorCode::not_signed_in,
              "Missing required GitHub configuration: GITHUB_TOKEN. No usable sign-in was found. "
              "Run `jumpseat "
              "login`, use your editor's Copilot sign-in, or set GITHUB_TOKEN to a token with "
              "Copilot access.");
}

// How long a token is good for, from its receipt. GitHub's expires_at is left aside: it is a time
// of day, and ours may be wrong.
seconds lifetime(std::int64_t refresh_in) {
  return seconds(std::clamp<std::int64_t>(refresh_in, 0, 86'400) + 60);
}

}  // namespace

TokenService::TokenService(Parts parts)
    : parts_(parts),
      exchange_(parts.io, parts.background, "token exchange"),
      reading_user_(parts.io, parts.background, "account") {}

Result<GitHubSignIn const*> TokenService::sign_in() {
  if (!parts_.config.enabled) return disabled();
  if (!looked_) {
    looked_ = true;
    auto found = parts_.sources.find();
    if (!found) {
      source_problem_ = found.error();
    } else {
      sign_in_ = std::move(found->sign_in);
      passed_over_ = std::move(found->passed_over);
      if (sign_in_) {
        log::protect(sign_in_->token, "github-token");
        hold_stored(*sign_in_);
      }
    }
  }
  if (source_problem_) return *source_problem_;
  if (!sign_in_) return nobody_signed_in();
  return &*sign_in_;
}

// The Copilot token that an earlier process saved, if it is still good.
void TokenService::hold_stored(GitHubSignIn const& sign_in) {
  if (!sign_in.account) return;
  auto stored = parts_.stores.accounts().copilot_token(*sign_in.account);
  if (!stored) return log::failure("auth", stored.error());
  if (!*stored || (*stored)->token.empty()) return;
  auto api = api_of((*stored)->api);
  if (!api) return;
  auto const age = parts_.clock.unix_seconds() - (*stored)->received_at;
  if (age < 0) return;  // from the future: the clock was set back, so its age is unknown
  auto const left = lifetime((*stored)->refresh_in) - seconds(age);
  if (left <= seconds(30)) return;
  log::protect((*stored)->token, "copilot-token");
  Held held;
  held.access.token = std::move((*stored)->token);
  held.access.completions = completions_of((*stored)->proxy, *api);
  held.access.api = std::move(*api);
  held.access.sku = std::move((*stored)->sku);
  held.access.generation = ++generation_;
  held.access.account = sign_in.account;
  auto const now = parts_.clock.elapsed();
  held.expires = now + left;
  held.refresh_at = now + std::max(seconds(0), left - refresh_margin);
  held_ = std::move(held);
}

void TokenService::hold(CopilotToken const& token, Url api, std::optional<std::int64_t> account) {
  auto const unix_now = parts_.clock.unix_seconds();
  auto const good_for = lifetime(token.refresh_in);
  // Short-lived tokens are not refreshed all the time: at most a quarter of their life is margin.
  auto const margin = std::min(milliseconds(refresh_margin), milliseconds(good_for) / 4);
  auto const now = parts_.clock.elapsed();
  Held held;
  held.access.token = token.token;
  held.access.completions = completions_of(token.proxy, api);
  held.access.api = std::move(api);
  held.access.sku = token.sku;
  held.access.generation = ++generation_;
  held.access.account = account;
  held.expires = now + good_for;
  held.refresh_at = held.expires - margin;
  held_ = std::move(held);

  if (!account) return;
  StoredCopilotToken stored;
  stored.token = token.token;
  stored.received_at = unix_now;
  stored.expires_at = token.expires_at;
  stored.refresh_in = token.refresh_in;
  stored.api = held_->access.api.origin();
  stored.sku = token.sku;
  stored.proxy = token.proxy;
  auto saved = parts_.stores.accounts().save_copilot_token(*account, stored);
  if (!saved) log::failure("auth", saved.error());
}

Result<Url> TokenService::api_of(std::string const& learnt) const {
  auto const& issuer = parts_.config.issuer;
  if (!learnt.empty()) return issuer.judge_api(learnt);
  if (!parts_.config.api_base.empty()) return issuer.judge_api(parts_.config.api_base);
  return issuer.judge_api(issuer.default_api);
}

// Where the inline completions are: as GitHub says, else beside the API, which is called
// api.PLAN.githubcopilot.com where this is proxy.PLAN.githubcopilot.com.
std::optional<Url> TokenService::completions_of(std::string const& learnt, Url const& api) const {
  auto const& issuer = parts_.config.issuer;
  std::string base = learnt;
  if (base.empty() && (issuer.simulated() || !api.host.starts_with("api."))) return api;
  if (base.empty()) base = "https://proxy." + api.host.substr(4);
  if (api.host == "api.githubcopilot.com" && learnt.empty()) {
    base = "https://copilot-proxy.githubusercontent.com";
  }
  auto judged = issuer.judge_api(base);
  if (judged) return *judged;
  log::warning("auth", judged.error().message());
  return std::nullopt;
}

awaitable<Result<CopilotAccess>> TokenService::get() {
  auto who = sign_in();
  if (!who) co_return who.error();
  auto const now = parts_.clock.elapsed();
  if (held_ && now < held_->expires) {
    if (now >= held_->refresh_at && now >= refresh_pause_until_) {
      exchange_.prepare([this] { return refresh(); });
    }
    co_return held_->access;
  }
  if (problem_ && now < refused_until_) co_return *problem_;
  auto refreshed = co_await exchange_.run([this] { return refresh(); });
  if (!refreshed) co_return fail(ErrorCode::cancelled, "Stopped before a Copilot token was there.");
  co_return std::move(*refreshed);
}

awaitable<Result<CopilotAccess>> TokenService::refresh() {
  auto who = sign_in();
  if (!who) co_return who.error();
  // Copies: a sign-out meanwhile replaces what `who` points to.
  Secret const github_token = (*who)->token;
  auto const account = (*who)->account;
  auto const source = (*who)->source;

  auto token = co_await parts_.github.exchange(github_token);

  if (!sign_in_ || !(sign_in_->token == github_token)) {
    co_return fail(ErrorCode::cancelled,
                   "The sign-in changed while a Copilot token was being fetched. Try again.");
  }
  Result<Url> api = token ? api_of(token->api) : Result<Url>(token.error());
  if (!api) {
    auto problem = api.error();
    bool const decided = problem.code() == ErrorCode::no_copilot_access ||
                         problem.code() == ErrorCode::forbidden ||
                         problem.code() == ErrorCode::token_rejected;
    if (decided) {
      refused_until_ = parts_.clock.elapsed() + refusal_memory;
      problem = std::move(problem).within("The sign-in from " + source + " was refused");
    }
    // While the old token is still good, the next try can wait.
    refresh_pause_until_ = parts_.clock.elapsed() + (decided ? refusal_memory : refresh_pause);
    problem_ = problem;
    log::returned("auth", problem);
    changed();
    co_return problem;
  }
  problem_.reset();
  refused_until_ = milliseconds(0);
  hold(*token, std::move(*api), account);
  log::debug("auth", "fetched a Copilot token",
             {{"host", held_->access.api.host}, {"sku", held_->access.sku}});
  if (!token->notice.empty()) log::info("auth", token->notice, {{"url", token->notice_url}});
  changed();
  co_return held_->access;
}

void TokenService::reject(std::uint64_t generation) {
  if (!held_ || held_->access.generation != generation) return;
  if (auto const account = held_->access.account) {
    auto forgotten = parts_.stores.accounts().forget_copilot_token(*account);
    if (!forgotten) log::failure("auth", forgotten.error());
  }
  held_.reset();
}

SignInState TokenService::state() {
  SignInState state;
  auto who = sign_in();
  state.passed_over = passed_over_;
  if (!who) {
    auto const code = who.error().code();
    state.kind = code == ErrorCode::copilot_disabled ? SignInState::Kind::disabled
                 : code == ErrorCode::not_signed_in  ? SignInState::Kind::signed_out
                                                     : SignInState::Kind::refused;
    state.problem = who.error();
    return state;
  }
  state.login = (*who)->login;
  state.source = (*who)->source;
  state.token_kind = std::string(describe((*who)->kind));
  if (problem_) {
    bool const decided = parts_.clock.elapsed() < refused_until_ ||
                         problem_->code() == ErrorCode::token_rejected ||
                         problem_->code() == ErrorCode::no_copilot_access ||
                         problem_->code() == ErrorCode::forbidden;
    state.kind = decided ? SignInState::Kind::refused : SignInState::Kind::unreachable;
    state.problem = problem_;
  } else if (held_) {
    state.kind = SignInState::Kind::ready;
  } else {
    state.kind = SignInState::Kind::unverified;
  }
  if (held_) {
    state.sku = held_->access.sku;
    state.token_left = std::chrono::duration_cast<seconds>(held_->expires - parts_.clock.elapsed());
  }
  return state;
}

awaitable<Result<CopilotUser>> TokenService::user() {
  auto read = co_await reading_user_.run([this] { return read_user(); });
  if (!read) co_return fail(ErrorCode::cancelled, "Stopped before the account was read.");
  co_return std::move(*read);
}

awaitable<Result<CopilotUser>> TokenService::read_user() {
  auto who = sign_in();
  if (!who) co_return who.error();
  Secret const github_token = (*who)->token;
  auto user = co_await parts_.github.user(github_token);
  if (user && sign_in_ && sign_in_->token == github_token && sign_in_->login != user->login) {
    sign_in_->login = user->login;
    if (sign_in_->account) {
      auto kept = parts_.stores.accounts().set_login(*sign_in_->account, user->login);
      if (!kept) log::failure("auth", kept.error());
    }
    changed();
  }
  co_return user;
}

Result<void> TokenService::adopt(Secret github_token) {
  Account account;
  account.issuer = parts_.config.issuer.origin;
  account.name = default_account;
  account.github_token = github_token;
  account.created_at = parts_.clock.unix_seconds();
  auto saved = parts_.stores.accounts().save(std::move(account));

  GitHubSignIn fresh;
  fresh.kind = token_kind(github_token);
  fresh.token = std::move(github_token);
  fresh.source = "saved sign-in";
  if (saved) fresh.account = saved->id;
  // An explicit token keeps its precedence; the new sign-in waits in the store.
  if (!looked_ && !parts_.config.tokens.empty()) static_cast<void>(sign_in());
  bool const explicit_token = sign_in_ && !sign_in_->account;
  if (!explicit_token) {
    sign_in_ = std::move(fresh);
    source_problem_.reset();
    looked_ = true;
    held_.reset();
    problem_.reset();
    refused_until_ = milliseconds(0);
  }
  changed();
  if (!saved) return saved.error();
  return {};
}

Result<bool> TokenService::sign_out() {
  auto removed = parts_.stores.accounts().remove(parts_.config.issuer.origin, default_account);
  if (!removed) return removed.error();
  // Look again: an explicit token may still be there.
  sign_in_.reset();
  source_problem_.reset();
  looked_ = false;
  held_.reset();
  problem_.reset();
  refused_until_ = milliseconds(0);
  changed();
  return *removed;
}

void TokenService::changed() {
  for (auto const& listener : listeners_) listener();
}

}  // namespace jumpseat
