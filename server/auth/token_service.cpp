#include "server/auth/token_service.h"

#include <algorithm>
#include <utility>

#include "protocol/github_token.h"
#include "server/base/deadline.h"
#include "server/base/log.h"
#include "storage/process_lock.h"

namespace jumpseat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds refresh_margin{300};  // refresh when less than this is left
constexpr seconds refusal_memory{60};
constexpr seconds refresh_pause{15};
// A token with less than this left is not worth taking from the store.
constexpr seconds least_left{30};
// How often the store is asked whether another process has written.
constexpr milliseconds notice_pause{200};
// How often the files are looked at while nobody is signed in.
constexpr seconds look_again_pause{1};
// Waiting for another process's exchange: 15 s in all. Then it is worth a second exchange.
constexpr milliseconds lock_pause{25};
constexpr int lock_rounds = 600;
// On the direct route nothing expires; after eight hours Copilot is asked again.
constexpr std::int64_t direct_checked_again = 8 * 3600;

Error disabled() {
  return fail(
      ErrorCode::copilot_disabled,
      "GitHub Copilot is switched off by GITHUB_COPILOT_ENABLED. Set it to true to use it.");
}

// Copilot has decided; asking again at once would get the same answer.
bool is_decided(Error const& error) {
  auto const code = error.code();
  return code == ErrorCode::no_copilot_access || code == ErrorCode::forbidden ||
         code == ErrorCode::token_rejected;
}

// How long a token is good for, from its receipt. GitHub's expires_at is left aside: it is a time
// of day, and ours may be wrong.
seconds lifetime(std::int64_t refresh_in) {
  return seconds(std::clamp<std::int64_t>(refresh_in, 0, 86'400) + 60);
}

}  // namespace

std::string_view name_of(SignInState::Kind kind) {
  switch (kind) {
    case SignInState::Kind::signed_out:
      return "signed_out";
    case SignInState::Kind::unverified:
      return "unverified";
    case SignInState::Kind::ready:
      return "ready";
    case SignInState::Kind::refused:
      return "refused";
    case SignInState::Kind::unreachable:
      return "unreachable";
    case SignInState::Kind::disabled:
      return "disabled";
  }
  return "signed_out";
}

TokenService::TokenService(Parts parts)
    : parts_(parts),
      exchange_(parts.io, parts.background, "token exchange"),
      reading_user_(parts.io, parts.background, "account"),
      asking_(parts.io, parts.background, "other programs") {}

// ---- which sign-in ----

Error TokenService::nobody_signed_in() const {
  std::string message =
      "Missing required GitHub configuration: GITHUB_TOKEN. No usable sign-in was found. Run "
      "`jumpseat login`, use your editor's Copilot sign-in, sign in with `gh auth login`, or set "
      "GITHUB_TOKEN (or give --token-stdin) to a token with Copilot access.";
  // Those that were there and could not be used: the person may have meant one of them.
  for (auto const& refused : refused_) {
    message += " Not used: " + refused.why.source + " (" + refused.why.reason + ")";
  }
  if (!parts_.config.account.empty()) {
    message += " Looked for the account \"" + parts_.config.account + "\" (" +
               parts_.config.account_origin.text() + ").";
  }
  return fail(ErrorCode::not_signed_in, std::move(message));
}

Result<GitHubSignIn const*> TokenService::sign_in() {
  if (!parts_.config.enabled) return disabled();
  if (!told_ && parts_.clock.elapsed() >= noticed_at_ + notice_pause) notice_changes();
  if (!looked_) look();
  if (source_problem_) return *source_problem_;
  if (!sign_in_) return nobody_signed_in();
  return &*sign_in_;
}

awaitable<Result<void>> TokenService::settle() {
  auto who = sign_in();
  if (!who && who.error().code() == ErrorCode::not_signed_in && pending_) {
    co_await asking_.run([this] { return ask_sources(); });
    who = sign_in();
  }
  if (!who) co_return who.error();
  co_return Result<void>();
}

void TokenService::look() {
  looked_ = true;
  source_problem_.reset();
  next_.clear();
  auto const now = parts_.clock.elapsed();
  std::erase_if(refused_, [&](Refused const& each) { return now >= each.until; });
  // Before the look: what changes meanwhile is noticed afterwards.
  bool const opened = parts_.stores.opened();
  if (opened) seen_version_ = parts_.stores.version();
  auto found = parts_.sources.find();
  if (!opened && parts_.stores.opened()) seen_version_ = parts_.stores.version();
  if (!found) {
    source_problem_ = found.error();
    pending_ = false;
    passed_over_.clear();
    return use(std::nullopt);
  }
  passed_over_ = std::move(found->passed_over);
  if (chosen_is_there()) {
    pending_ = false;
    return use(chosen_);
  }
  pending_ = found->pending;
  for (auto& sign_in : found->sign_ins) {
    auto const refused = std::find_if(refused_.begin(), refused_.end(), [&](Refused const& each) {
      return sign_in.ownership == GitHubSignIn::Kind::borrowed && each.token == sign_in.token;
    });
    if (refused != refused_.end()) {
      passed_over_.push_back(refused->why);
    } else {
      next_.push_back(std::move(sign_in));
    }
  }
  if (next_.empty()) return use(std::nullopt);
  auto best = std::move(next_.front());
  next_.erase(next_.begin());
  use(std::move(best));
}

// Forgets the choice when its sign-in is gone: signed out, here or in another process.
bool TokenService::chosen_is_there() {
  if (!chosen_) return false;
  auto& accounts = parts_.stores.accounts();
  auto const& issuer = parts_.config.issuer.origin;
  bool there = true;
  if (chosen_->ownership == GitHubSignIn::Kind::saved) {
    auto account = accounts.find(issuer, chosen_->name);
    there = account && *account && (*account)->id == chosen_->account;
  } else if (chosen_->ownership == GitHubSignIn::Kind::borrowed) {
    auto out = accounts.signed_out(issuer);
    there = out && !*out;
  }
  if (!there) chosen_.reset();
  return there;
}

// Makes it the sign-in in use; what is held for another one is let go.
void TokenService::use(std::optional<GitHubSignIn> sign_in) {
  // The store is not opened for an explicit token before Copilot has to be asked: start-up.
  if (sign_in && (sign_in->ownership == GitHubSignIn::Kind::borrowed || parts_.stores.opened())) {
    recall(*sign_in);
  }
  bool const same = sign_in_ && sign_in && sign_in_->token == sign_in->token &&
                    sign_in_->account == sign_in->account;
  sign_in_ = std::move(sign_in);
  if (!same) {
    held_.reset();
    plan_.clear();
    forget_problem();
  }
  if (!sign_in_) {
    look_again_at_ = parts_.clock.elapsed() + look_again_pause;
    return;
  }
  log::protect(sign_in_->token, "github-token");
  if (!held_) hold_stored(*sign_in_);
}

// What is known from other times and other processes about a token that is not ours to store.
void TokenService::recall(GitHubSignIn& sign_in) {
  if (sign_in.ownership == GitHubSignIn::Kind::saved) return;
  auto const& issuer = parts_.config.issuer.origin;
  auto known = parts_.stores.accounts().find_borrowed(issuer, fingerprint(sign_in.token, issuer));
  if (!known || !*known) return;
  sign_in.account = (*known)->id;
  sign_in.route = (*known)->route;
  if (sign_in.login.empty()) sign_in.login = (*known)->login;
}

void TokenService::pass_over(GitHubSignIn const& sign_in, Error const& why) {
  PassedOver reason{sign_in.source, why.message()};
  log::info("auth", "a sign-in of another program is passed over",
            {{"source", reason.source}, {"why", reason.reason}});
  refused_.push_back({sign_in.token, reason, parts_.clock.elapsed() + refusal_memory});
  passed_over_.push_back(std::move(reason));
  std::optional<GitHubSignIn> next;
  if (!next_.empty()) {
    next = std::move(next_.front());
    next_.erase(next_.begin());
  }
  use(std::move(next));
}

void TokenService::look_again() {
  looked_ = false;
  refused_.clear();
  forget_problem();
}

void TokenService::notice_changes() {
  if (!looked_ || !parts_.stores.opened() || !parts_.config.enabled) return;
  noticed_at_ = parts_.clock.elapsed();
  if (parts_.stores.version() == seen_version_) return;
  auto const source = sign_in_ ? sign_in_->source : std::string();
  bool const held = held_.has_value();
  look();
  if (source != (sign_in_ ? sign_in_->source : std::string()) || held != held_.has_value())
    changed();
}

awaitable<bool> TokenService::ask_sources() {
  co_await parts_.sources.ask();
  look();
  changed();
  co_return true;
}

bool TokenService::still_in_use(GitHubSignIn const& sign_in) const {
  return sign_in_ && sign_in_->token == sign_in.token;
}

// ---- what is held and stored ----

std::shared_ptr<CopilotAccess> TokenService::shared(CopilotAccess access) {
  access.authorization = authorization("Bearer", access.token);
  return std::make_shared<CopilotAccess>(std::move(access));
}

bool TokenService::hold_stored(GitHubSignIn const& sign_in) {
  auto const now = parts_.clock.elapsed();
  auto const unix_now = parts_.clock.unix_seconds();
  Held held;
  CopilotAccess access;
  seconds left{0};
  if (sign_in.account) {
    auto stored = parts_.stores.accounts().copilot_token(*sign_in.account);
    if (!stored) {
      log::failure("auth", stored.error());
    } else if (*stored) {
      auto const age = unix_now - (*stored)->received_at;
      // From the future: the clock was set back, so its age is unknown.
      if (age >= 0) left = lifetime((*stored)->refresh_in) - seconds(age);
      held.route = (*stored)->token.empty() ? TokenRoute::direct : TokenRoute::exchange;
      if (held.route == TokenRoute::direct) {
        access.token = sign_in.token;
      } else {
        access.token = std::move((*stored)->token);
      }
      access.sku = std::move((*stored)->sku);
      auto api = api_of((*stored)->api);
      if (!api) return false;
      access.completions = completions_of((*stored)->proxy, *api);
      access.api = std::move(*api);
    }
  }
  if (left <= least_left && sign_in.copilot) {
    left = seconds(sign_in.copilot->expires_at - unix_now);
    held.route = TokenRoute::exchange;
    access.token = sign_in.copilot->token;
    access.sku = sign_in.copilot->sku;
    auto api = api_of(sign_in.copilot->api);
    if (!api) return false;
    access.completions = completions_of(sign_in.copilot->proxy, *api);
    access.api = std::move(*api);
  }
  if (left <= least_left || access.token == rejected_) return false;
  if (held_ && held_->access->token == access.token) return false;
  log::protect(access.token, "copilot-token");
  access.generation = ++generation_;
  access.account = sign_in.account;
  held.expires = now + left;
  held.refresh_at = now + std::max(seconds(0), left - refresh_margin);
  held.access = shared(std::move(access));
  held_ = std::move(held);
  return true;
}

void TokenService::hold(GitHubSignIn const& sign_in, Validated const& validated) {
  bool const direct = validated.route == TokenRoute::direct;
  auto const good_for = lifetime(validated.token.refresh_in);
  // Short-lived tokens are not refreshed all the time: at most a quarter of their life is margin.
  auto const margin = std::min(milliseconds(refresh_margin), milliseconds(good_for) / 4);
  auto const now = parts_.clock.elapsed();
  Held held;
  CopilotAccess access;
  held.route = validated.route;
  access.token = direct ? sign_in.token : validated.token.token;
  access.completions = completions_of(validated.token.proxy, validated.api);
  access.api = validated.api;
  access.sku = validated.token.sku;
  access.generation = ++generation_;
  access.account = sign_in.account;
  held.expires = now + good_for;
  held.refresh_at = held.expires - margin;
  held.access = shared(std::move(access));
  held_ = std::move(held);
  rejected_ = Secret();
}

// Into the store, for other processes and other times.
void TokenService::keep(GitHubSignIn const& sign_in, Validated const& validated) {
  auto const& issuer = parts_.config.issuer.origin;
  auto& accounts = parts_.stores.accounts();
  auto id = sign_in.account;
  if (sign_in.ownership != GitHubSignIn::Kind::saved) {
    auto row = accounts.save_borrowed(issuer, fingerprint(sign_in.token, issuer),
                                      parts_.clock.unix_seconds());
    if (!row) return log::failure("auth", row.error());
    id = row->id;
    if (sign_in_) sign_in_->account = id;
    if (held_) held_->access->account = id;
  }
  if (!id) return;
  if (sign_in.route != validated.route) {
    auto learnt = accounts.set_route(*id, validated.route);
    if (!learnt) log::failure("auth", learnt.error());
  }
  StoredCopilotToken stored;
  stored.token = validated.token.token;
  stored.received_at = parts_.clock.unix_seconds();
  stored.expires_at = validated.token.expires_at;
  stored.refresh_in = validated.token.refresh_in;
  stored.api = validated.api.origin();
  stored.sku = validated.token.sku;
  stored.proxy = validated.token.proxy;
  auto saved = accounts.save_copilot_token(*id, stored);
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

TokenService::SharedAccess TokenService::at_hand() {
  auto const now = parts_.clock.elapsed();
  if (!sign_in() || !held_ || now >= held_->expires) return nullptr;
  if (now >= held_->refresh_at && now >= refresh_pause_until_) {
    exchange_.prepare([this] { return refresh(); });
  }
  return held_->access;
}

awaitable<Result<TokenService::SharedAccess>> TokenService::get() {
  auto const now = parts_.clock.elapsed();
  auto who = sign_in();
  bool const nobody = !who && (who.error().code() == ErrorCode::not_signed_in ||
                               who.error().code() == ErrorCode::storage_unavailable);
  if (nobody && now >= look_again_at_) {
    // Somebody may have signed in meanwhile, here or in another program, or unlocked the keyring.
    looked_ = false;
    who = sign_in();
  }
  if (!who && !(who.error().code() == ErrorCode::not_signed_in && pending_)) co_return who.error();
  if (auto access = at_hand()) co_return std::move(access);
  if (problem_ && now < refused_until_) co_return *problem_;
  auto refreshed = co_await exchange_.run([this] { return refresh(); });
  if (!refreshed) co_return fail(ErrorCode::cancelled, "Stopped before a Copilot token was there.");
  co_return std::move(*refreshed);
}

// Down the list of candidates: the first one that Copilot takes, or why the first that is ours, or
// the last that was borrowed, does not do.
awaitable<Result<TokenService::SharedAccess>> TokenService::refresh() {
  while (true) {
    auto who = sign_in();
    if (!who) {
      if (who.error().code() != ErrorCode::not_signed_in || !pending_) co_return who.error();
      co_await asking_.run([this] { return ask_sources(); });
      if (source_problem_) co_return *source_problem_;
      if (!sign_in_) co_return nobody_signed_in();
      continue;
    }
    // A copy: a sign-out meanwhile replaces what `who` points to.
    GitHubSignIn const candidate = **who;
    auto access = co_await obtain(candidate);
    if (!still_in_use(candidate)) {
      co_return fail(ErrorCode::cancelled,
                     "The sign-in changed while a Copilot token was being fetched. Try again.");
    }
    if (access) {
      forget_problem();
      changed();
      co_return access;
    }
    auto problem = access.error();
    bool const decided = is_decided(problem);
    bool const chosen = chosen_ && chosen_->token == candidate.token;
    if (decided && candidate.ownership == GitHubSignIn::Kind::borrowed && !chosen) {
      pass_over(candidate, problem);
      changed();
      continue;
    }
    if (decided) {
      refused_until_ = parts_.clock.elapsed() + refusal_memory;
      problem = std::move(problem).within("The sign-in from " + candidate.source + " was refused");
    }
    // While the old token is still good, the next try can wait.
    refresh_pause_until_ = parts_.clock.elapsed() + (decided ? refusal_memory : refresh_pause);
    problem_ = problem;
    log::returned("auth", problem);
    changed();
    co_return problem;
  }
}

// A Copilot token for this sign-in: another process's, or a new one.
awaitable<Result<TokenService::SharedAccess>> TokenService::obtain(GitHubSignIn sign_in) {
  auto const lock_path = parts_.stores.lock_path();
  if (!sign_in.account) {
    recall(sign_in);
    if (still_in_use(sign_in)) *sign_in_ = sign_in;
  }
  std::optional<ProcessLock> lock;
  // A look at a store that has changed may have brought the token already.
  auto const before = generation_;
  auto const adopted = [&] {
    return hold_stored(sign_in) || (held_.has_value() && generation_ != before);
  };
  for (int round = 0; !lock_path.empty() && round < lock_rounds; ++round) {
    if (adopted()) co_return SharedAccess(held_->access);
    auto tried = ProcessLock::try_lock(lock_path);
    if (!tried) {
      log::debug("auth", "no lock for the exchange", {{"why", tried.error().message()}});
      break;
    }
    if (*tried) {
      lock = std::move(*tried);
      break;
    }
    co_await sleep_for(lock_pause);
    notice_changes();
    if (!still_in_use(sign_in)) co_return fail(ErrorCode::cancelled, "The sign-in changed.");
  }
  // Whoever had the lock may have left a token behind.
  if (lock && adopted()) co_return SharedAccess(held_->access);

  auto validated = co_await validate(sign_in);
  if (!validated) co_return validated.error();
  // Somebody may have signed out meanwhile, in another process too.
  notice_changes();
  if (!still_in_use(sign_in)) co_return fail(ErrorCode::cancelled, "The sign-in changed.");
  hold(sign_in, *validated);
  keep(sign_in, *validated);
  sign_in_->route = validated->route;
  bool const given = sign_in.ownership == GitHubSignIn::Kind::given;
  if (parts_.litellm != nullptr && validated->route == TokenRoute::exchange && !given) {
    parts_.litellm->exchanged(sign_in.token, validated->token, validated->api.origin());
  }
  log::debug("auth", "Copilot takes the sign-in",
             {{"host", held_->access->api.host},
              {"sku", held_->access->sku},
              {"route", validated->route == TokenRoute::direct ? "direct" : "exchange"}});
  if (!validated->token.notice.empty())
    log::info("auth", validated->token.notice, {{"url", validated->token.notice_url}});
  co_return SharedAccess(held_->access);
}

// Exchange or direct, as it was learnt or as the kind of token suggests; the other one when the
// first does not take this kind of token.
awaitable<Result<TokenService::Validated>> TokenService::validate(GitHubSignIn const& sign_in) {
  auto const first =
      sign_in.route == TokenRoute::unknown ? first_route(sign_in.kind) : sign_in.route;
  if (first == TokenRoute::direct) {
    auto direct = co_await validate_direct(sign_in);
    bool const exchangeable = first_route(sign_in.kind) == TokenRoute::exchange;
    if (direct || !is_decided(direct.error()) || !exchangeable) co_return direct;
  }
  auto reply = co_await parts_.github.exchange(sign_in.token);
  if (!reply.token) {
    auto const refusal = reply.token.error();
    if (first == TokenRoute::direct || !reply.wrong_kind || !may_go_direct(sign_in.kind))
      co_return refusal;
    auto direct = co_await validate_direct(sign_in);
    if (direct) co_return direct;
    // Both ways are closed; GitHub's own answer says more about why. Unless Copilot could not be
    // asked: then nothing is decided.
    auto const code = direct.error().code();
    bool const answered = is_decided(direct.error()) || code == ErrorCode::upstream_rejected;
    if (!answered) co_return direct;
    co_return refusal;
  }
  Validated out;
  out.token = std::move(*reply.token);
  auto api = api_of(out.token.api);
  if (!api) co_return api.error();
  out.api = std::move(*api);
  co_return std::move(out);
}

awaitable<Result<TokenService::Validated>> TokenService::validate_direct(
    GitHubSignIn const& sign_in) {
  Validated out;
  out.route = TokenRoute::direct;
  out.token.refresh_in = direct_checked_again;
  // The account tells where its Copilot is. Not every token may ask that; the default host will do.
  auto user = co_await parts_.github.user(sign_in.token);
  std::string learnt;
  if (user) {
    if (!user->has_access) {
      co_return fail(ErrorCode::no_copilot_access,
                     "The account " + user->login +
                         " has no Copilot plan: take one (there is a free one), or ask your "
                         "organization for a seat.")
          .with_url("https://github.com/settings/copilot");
    }
    learnt = user->api;
    out.token.sku = user->sku;
    if (still_in_use(sign_in)) {
      plan_ = user->plan;
      if (sign_in_->login.empty()) sign_in_->login = user->login;
    }
  }
  auto api = api_of(learnt);
  if (!api) co_return api.error();
  out.api = std::move(*api);
  auto taken = co_await parts_.github.try_direct(sign_in.token, out.api);
  if (!taken) co_return taken.error();
  co_return std::move(out);
}

void TokenService::unreachable(Error const& why) {
  if (problem_) return;
  problem_ = why;
  changed();
}

void TokenService::reached() {
  // What was decided about the sign-in is not undone by an answer to an older token.
  if (!problem_ || is_decided(*problem_)) return;
  forget_problem();
  changed();
}

void TokenService::reject(std::uint64_t generation) {
  if (!held_ || held_->access->generation != generation) return;
  rejected_ = held_->route == TokenRoute::direct ? Secret() : held_->access->token;
  if (sign_in_) sign_in_->copilot.reset();
  if (auto const account = held_->access->account) {
    auto const stored = held_->route == TokenRoute::direct ? Secret() : held_->access->token;
    auto forgotten = parts_.stores.accounts().forget_copilot_token(*account, stored);
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
    if (code == ErrorCode::not_signed_in && pending_) {
      // Not known before another program has been asked; listeners hear of the end.
      state.kind = SignInState::Kind::unverified;
      state.problem.reset();
      asking_.prepare([this] { return ask_sources(); });
    }
    return state;
  }
  state.login = (*who)->login;
  state.source = (*who)->source;
  state.token_kind = std::string(describe((*who)->kind));
  state.borrowed = (*who)->ownership == GitHubSignIn::Kind::borrowed;
  state.route = (*who)->route;
  state.plan = plan_;
  if (problem_) {
    bool const decided = parts_.clock.elapsed() < refused_until_ || is_decided(*problem_);
    state.kind = decided ? SignInState::Kind::refused : SignInState::Kind::unreachable;
    state.problem = problem_;
  } else if (held_) {
    state.kind = SignInState::Kind::ready;
  } else {
    state.kind = SignInState::Kind::unverified;
  }
  if (held_) {
    state.sku = held_->access->sku;
    state.route = held_->route;
    if (held_->route == TokenRoute::exchange) {
      state.token_left =
          std::chrono::duration_cast<seconds>(held_->expires - parts_.clock.elapsed());
    }
  }
  return state;
}

awaitable<Result<CopilotUser>> TokenService::user() {
  auto read = co_await reading_user_.run([this] { return read_user(); });
  if (!read) co_return fail(ErrorCode::cancelled, "Stopped before the account was read.");
  co_return std::move(*read);
}

awaitable<Result<CopilotUser>> TokenService::read_user() {
  auto settled = co_await settle();
  if (!settled) co_return settled.error();
  auto who = sign_in();
  if (!who) co_return who.error();
  GitHubSignIn const asked = **who;
  auto user = co_await parts_.github.user(asked.token);
  if (!user || !still_in_use(asked)) co_return user;
  plan_ = user->plan;
  if (sign_in_->login != user->login) {
    sign_in_->login = user->login;
    if (sign_in_->account) {
      auto kept = parts_.stores.accounts().set_login(*sign_in_->account, user->login);
      if (!kept) log::failure("auth", kept.error());
    }
    changed();
  }
  co_return user;
}

// True when the keyring has it. A keyring that cannot be used is said, and the database takes its
// place.
awaitable<bool> TokenService::put_into_keyring(Account const& account, Secret token) {
  if (parts_.keyring == nullptr || !parts_.keyring->wanted()) co_return false;
  auto stored = co_await parts_.keyring->store(account.issuer, account.name, std::move(token));
  if (stored) co_return true;
  log::warning("auth", "The desktop's keyring is not used: " + stored.error().message() +
                           ". The sign-in is kept in the database, readable by you alone.");
  co_return false;
}

awaitable<std::optional<TokenService::KeyringNote>> TokenService::keyring_note() {
  using Kind = KeyringNote::Kind;
  if (parts_.keyring == nullptr) co_return std::nullopt;
  auto const& issuer = parts_.config.issuer.origin;
  auto const name = account_name(parts_.config);
  auto account = parts_.stores.accounts().find(issuer, name);
  bool const saved = account && *account;
  KeyringNote note;
  if (saved && (*account)->in_keyring) {
    note.text = "it has the token of the saved sign-in";
    co_return note;
  }
  if (!parts_.keyring->wanted()) co_return std::nullopt;
  auto answer = co_await parts_.keyring->look_up(issuer, name);
  if (!answer) {
    note.kind = Kind::refused;
    note.text = "not used: " + answer.error().message() +
                ". Sign-ins are kept in the database, readable by you alone.";
  } else if (saved) {
    note.kind = Kind::unused;
    note.text =
        "the saved sign-in is still in the database; `jumpseat login --again` makes one there";
  } else {
    note.text = "ready for a sign-in";
  }
  co_return note;
}

awaitable<Result<void>> TokenService::adopt(Secret github_token) {
  Account account;
  account.issuer = parts_.config.issuer.origin;
  account.name = account_name(parts_.config);
  account.created_at = parts_.clock.unix_seconds();
  auto old = parts_.stores.accounts().find(account.issuer, account.name);
  bool const was_there = old && *old && (*old)->in_keyring;
  account.in_keyring = co_await put_into_keyring(account, github_token);
  if (!account.in_keyring) account.github_token = github_token;
  if (was_there && !account.in_keyring && parts_.keyring != nullptr) {
    auto removed = co_await parts_.keyring->remove(account.issuer, account.name);
    if (!removed) log::returned("auth", removed.error());
  }
  bool const in_keyring = account.in_keyring;
  auto saved = parts_.stores.accounts().save(std::move(account));
  if (saved && in_keyring) parts_.keyring->know(saved->id, github_token);
  if (parts_.litellm != nullptr) parts_.litellm->signed_in(github_token);

  chosen_.reset();
  sign_in_.reset();
  held_.reset();
  refused_.clear();
  forget_problem();
  // Looks at everything anew: an explicit token keeps its precedence, and the new sign-in waits in
  // the store.
  look();
  bool const given = sign_in_ && sign_in_->ownership == GitHubSignIn::Kind::given;
  if (!saved && !given) {
    // A store that keeps nothing: it is used until the process ends.
    GitHubSignIn fresh;
    fresh.ownership = GitHubSignIn::Kind::saved;
    fresh.kind = token_kind(github_token);
    fresh.token = std::move(github_token);
    fresh.source = "saved sign-in";
    source_problem_.reset();
    pending_ = false;
    next_.clear();
    use(std::move(fresh));
  }
  changed();
  if (!saved) co_return saved.error();
  co_return Result<void>();
}

// Removes it from the store, from the keyring and from a shared LiteLLM directory.
awaitable<Result<bool>> TokenService::sign_out_of(std::string name) {
  auto const& issuer = parts_.config.issuer.origin;
  auto account = parts_.stores.accounts().find(issuer, name);
  bool const found = account && *account;
  if (found && (*account)->in_keyring && parts_.keyring != nullptr) {
    (*account)->github_token = parts_.keyring->known((*account)->id);
    auto forgotten = co_await parts_.keyring->remove(issuer, name);
    if (!forgotten) {
      log::warning("auth", "The desktop's keyring still has the token of this sign-in: " +
                               forgotten.error().message() +
                               ". Remove the entry \"GitHub Copilot sign-in of Jumpseat\" there, "
                               "and revoke the token on https://github.com/settings/applications.");
    }
  }
  if (found && parts_.litellm != nullptr) parts_.litellm->signed_out((*account)->github_token);
  co_return parts_.stores.accounts().remove(issuer, name);
}

awaitable<Result<bool>> TokenService::sign_out() {
  bool const chosen = chosen_ && chosen_->ownership == GitHubSignIn::Kind::saved;
  auto name = chosen ? chosen_->name : account_name(parts_.config);
  auto removed = co_await sign_out_of(std::move(name));
  if (!removed) co_return removed.error();
  auto const& issuer = parts_.config.issuer.origin;
  auto& accounts = parts_.stores.accounts();
  auto forbidden = accounts.forbid_borrowing(issuer, parts_.clock.unix_seconds());
  if (!forbidden) co_return forbidden.error();
  // Look again: an explicit token may still be there.
  chosen_.reset();
  sign_in_.reset();
  source_problem_.reset();
  looked_ = false;
  pending_ = false;
  held_.reset();
  plan_.clear();
  forget_problem();
  changed();
  co_return *removed;
}

awaitable<Result<std::vector<TokenService::Choice>>> TokenService::choices() {
  if (!parts_.config.enabled) co_return disabled();
  if (!looked_) look();
  auto const& issuer = parts_.config.issuer.origin;
  auto sign_ins = co_await parts_.sources.all();
  // Saved sign-ins of other names stand behind the one that is meant.
  if (auto accounts = parts_.stores.accounts().list(issuer)) {
    auto place = std::find_if(sign_ins.begin(), sign_ins.end(), [](GitHubSignIn const& each) {
      return each.ownership == GitHubSignIn::Kind::borrowed;
    });
    for (auto& account : *accounts) {
      bool const known =
          std::any_of(sign_ins.begin(), sign_ins.end(),
                      [&](GitHubSignIn const& each) { return each.name == account.name; });
      // One whose token is in the keyring is chosen by its name, with --account.
      if (known || account.in_keyring) continue;
      GitHubSignIn sign_in;
      sign_in.ownership = GitHubSignIn::Kind::saved;
      sign_in.kind = token_kind(account.github_token);
      sign_in.source = "saved sign-in \"" + account.name + "\"";
      sign_in.token = std::move(account.github_token);
      sign_in.login = account.login;
      sign_in.name = account.name;
      sign_in.account = account.id;
      sign_in.route = account.route;
      place = std::next(sign_ins.insert(place, std::move(sign_in)));
    }
  }
  std::vector<Choice> choices;
  for (auto& sign_in : sign_ins) {
    auto id = fingerprint(sign_in.token, issuer);
    bool const known = std::any_of(choices.begin(), choices.end(),
                                   [&](Choice const& each) { return each.id == id; });
    if (known) continue;
    recall(sign_in);
    Choice choice;
    choice.in_use = still_in_use(sign_in);
    choice.id = std::move(id);
    choice.sign_in = std::move(sign_in);
    choices.push_back(std::move(choice));
  }
  co_return choices;
}

awaitable<Result<TokenService::Choice>> TokenService::choice(std::string id) {
  auto all = co_await choices();
  if (!all) co_return all.error();
  for (auto& each : *all) {
    if (each.id == id) co_return std::move(each);
  }
  co_return fail(ErrorCode::invalid_request,
                 "There is no such token now. Ask auth/listAvailableTokens which there are.");
}

awaitable<Result<void>> TokenService::choose(std::string id) {
  auto found = co_await choice(std::move(id));
  if (!found) co_return found.error();
  if (found->sign_in.ownership == GitHubSignIn::Kind::borrowed) {
    // Whoever chooses another program's takes back a sign-out.
    auto allowed = parts_.stores.accounts().allow_borrowing(parts_.config.issuer.origin);
    if (!allowed) co_return allowed.error();
  }
  chosen_ = std::move(found->sign_in);
  look_again();
  look();
  changed();
  co_return Result<void>();
}

awaitable<Result<void>> TokenService::remove(std::string id) {
  auto found = co_await choice(std::move(id));
  if (!found) co_return found.error();
  auto const& sign_in = found->sign_in;
  if (sign_in.ownership == GitHubSignIn::Kind::saved) {
    auto removed = co_await sign_out_of(sign_in.name);
    if (!removed) co_return removed.error();
  } else if (sign_in.source == "editor sign-in") {
    co_return give(std::nullopt);
  } else {
    co_return fail(ErrorCode::invalid_request,
                   "This token belongs to: " + sign_in.source + ". Remove it there.");
  }
  look_again();
  look();
  changed();
  co_return Result<void>();
}

Result<void> TokenService::use_existing() {
  auto allowed = parts_.stores.accounts().allow_borrowing(parts_.config.issuer.origin);
  if (!allowed) return allowed.error();
  look_again();
  return {};
}

Result<void> TokenService::choose_account(std::string_view name) {
  auto checked = check_account_name(name);
  if (!checked) return checked.error();
  // What a person typed or set goes before what an editor was configured to send.
  if (!parts_.config.account.empty()) return {};
  parts_.config.account = std::move(*checked);
  parts_.config.account_origin.kind = Origin::Kind::client;
  chosen_.reset();
  look_again();
  return {};
}

Result<void> TokenService::give(std::optional<Secret> github_token) {
  auto& tokens = parts_.config.tokens;
  auto const from_editor = [](ExplicitToken const& each) {
    return each.origin.kind == Origin::Kind::client;
  };
  std::erase_if(tokens, from_editor);
  if (github_token) {
    log::protect(*github_token, "github-token");
    auto token = check_github_token(github_token->reveal());
    if (!token) return token.error().within("editor");
    ExplicitToken given;
    given.key = "sign-in";
    given.value = std::move(*token);
    given.origin.kind = Origin::Kind::client;
    tokens.insert(tokens.begin(), std::move(given));
  }
  chosen_.reset();
  look_again();
  changed();
  return {};
}

Result<std::vector<Account>> TokenService::accounts() {
  return parts_.stores.accounts().list(parts_.config.issuer.origin);
}

void TokenService::forget_problem() {
  problem_.reset();
  refused_until_ = milliseconds(0);
}

void TokenService::changed() {
  for (auto const& listener : listeners_) listener();
}

}  // namespace jumpseat
