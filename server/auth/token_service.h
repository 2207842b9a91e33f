// TokenService hands out a Copilot token that is good for at least a while. Callers just await
// get(); who refreshes, and when, is decided here: ahead of expiry, once for all callers in all
// processes, never while idle. It never deletes a sign-in: only a person's sign-out does.
//
// Of several processes one refreshes, under a lock that the kernel releases when its holder dies;
// the others find the new token in the store. No database transaction is open meanwhile. A sign-in
// or a sign-out of another process is noticed by the next call, at most a fifth of a second late.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "protocol/secret.h"
#include "protocol/upstream.h"
#include "protocol/url.h"
#include "server/auth/github_api.h"
#include "server/auth/keyring.h"
#include "server/auth/litellm_directory.h"
#include "server/auth/stores.h"
#include "server/auth/token_sources.h"
#include "server/base/clock.h"
#include "server/base/config.h"
#include "server/base/scope.h"
#include "server/base/single_flight.h"
#include "server/net/credentials.h"

namespace jumpseat {

// What a call to Copilot needs.
struct CopilotAccess {
  CopilotAccess() = default;
  Secret token;
  Authorization authorization;  // "Bearer …" with it
  Url api;                      // the base that belongs to this token; judged
  // The base of the inline completions, likewise; nothing when GitHub named none that may be
  // trusted.
  std::optional<Url> completions;
  std::string sku;
  std::uint64_t generation = 0;  // of this token, for reject()
  std::optional<std::int64_t> account;
};

// What is known about the sign-in without asking anyone.
struct SignInState {
  enum class Kind {
    signed_out,
    unverified,   // there is a sign-in; nobody has asked Copilot yet
    ready,        // the last exchange succeeded
    refused,      // Copilot refused the account or the token: `problem`
    unreachable,  // GitHub could not be asked: `problem`
    disabled,     // GITHUB_COPILOT_ENABLED is off
  } kind = Kind::signed_out;
  std::string login;       // empty when unknown
  std::string source;      // where the GitHub token comes from
  std::string token_kind;  // "OAuth token (gho_)"
  std::string sku;
  std::string plan;  // of the last user(); empty when unknown
  TokenRoute route = TokenRoute::unknown;
  bool borrowed = false;  // another program's sign-in
  std::optional<Error> problem;
  std::vector<PassedOver> passed_over;
  // Until the Copilot token expires; nothing on the direct route, where there is none.
  std::optional<std::chrono::seconds> token_left;
};
// As programs read it: "signed_out", "unverified", ….
std::string_view name_of(SignInState::Kind kind);

class TokenService {
 public:
  struct Parts {
    asio::io_context& io;
    Scope& background;
    GitHubApi& github;
    TokenSources& sources;
    Stores& stores;
    Clock& clock;
    Config& config;                       // the account and the editor's token are chosen here
    LiteLlmDirectory* litellm = nullptr;  // kept up to date when it is there to be shared
    Keyring* keyring = nullptr;           // keeps the tokens of saved sign-ins when that is wanted
  };
  explicit TokenService(Parts parts);

  // A token with the host that belongs to it. Fails with not_signed_in (names the ways to sign in),
  // token_rejected, no_copilot_access, copilot_disabled, host_refused, or why GitHub cannot be
  // reached.
  using SharedAccess = std::shared_ptr<CopilotAccess const>;
  awaitable<Result<SharedAccess>> get();
  // The same without a coroutine, for each of many calls: what is held and still good, or null.
  // Then get() is the one to ask.
  SharedAccess at_hand();
  // Copilot refused this token: it is forgotten, the next get() exchanges anew. A generation that
  // is not the current one is ignored: somebody has been here before.
  void reject(std::uint64_t generation);
  // A call to Copilot did not get through, or it did again: the state tells (quality row U1), once,
  // while the token goes on being handed out.
  void unreachable(Error const& why);
  void reached();

  // The GitHub sign-in in use, from memory or found now; no network, no other program. Valid until
  // the loop runs on.
  Result<GitHubSignIn const*> sign_in();
  // Until sign_in() knows: other programs and the keyring are asked where that has to come first.
  awaitable<Result<void>> settle();
  // Looks at everything anew, other programs included, at the next get(): a person asks.
  void look_again();
  SignInState state();
  // GET /copilot_internal/user with the sign-in in use; the login is remembered.
  awaitable<Result<CopilotUser>> user();

  // A device sign-in ended well: it is saved and used from now on. A store that cannot keep it is a
  // warning, the sign-in works until the process ends.
  awaitable<Result<void>> adopt(Secret github_token);
  // Forgets the saved sign-in of this account, and leaves other programs' sign-ins alone until
  // somebody signs in. True when there was one.
  awaitable<Result<bool>> sign_out();
  // Takes that back: other programs' sign-ins may be used again.
  Result<void> use_existing();
  // The editor picks the saved sign-in of this name, or hands us its own GitHub token (no token: it
  // has none any more). Fail with config_invalid and token_malformed.
  Result<void> choose_account(std::string_view name);
  Result<void> give(std::optional<Secret> github_token);
  // How it stands with the desktop's keyring; nothing where none is meant. It may be asked.
  struct KeyringNote {
    enum class Kind { in_use, unused, refused } kind = Kind::in_use;
    std::string text;  // "the saved sign-in is there", "not used: it did not answer …"
  };
  awaitable<std::optional<KeyringNote>> keyring_note();
  // Saved sign-ins of this issuer, by name.
  Result<std::vector<Account>> accounts();
  // For an editor that lets a person choose: every sign-in there is, in their order, other
  // programs' and other names' included. The id says nothing about the token.
  struct Choice {
    std::string id;
    GitHubSignIn sign_in;
    bool in_use = false;
  };
  awaitable<Result<std::vector<Choice>>> choices();
  // Uses this one until the process ends, it is gone, or another one is chosen. Fails with
  // invalid_request when there is none of that id.
  awaitable<Result<void>> choose(std::string id);
  // Signs out of a saved sign-in, or lets go the editor's token. What belongs to others is not
  // removed: invalid_request, with the place.
  awaitable<Result<void>> remove(std::string id);
  // Another process has changed the store: looks, and tells the listeners of a change.
  void notice_changes();
  // Whether that is called for every change. If not, requests look for changes themselves.
  void set_told(bool told) { told_ = told; }

  // Called after every change of state(). Returns nothing to unsubscribe: listeners live as long as
  // we do.
  void on_change(std::function<void()> listener) { listeners_.push_back(std::move(listener)); }

 private:
  struct Held {
    Held() = default;
    std::shared_ptr<CopilotAccess> access;  // never null
    TokenRoute route = TokenRoute::exchange;
    std::chrono::milliseconds expires{};  // Clock::elapsed()
    std::chrono::milliseconds refresh_at{};
  };
  // A borrowed sign-in that Copilot has refused, and until when it is left alone.
  struct Refused {
    Secret token;
    PassedOver why;
    std::chrono::milliseconds until;
  };
  // What Copilot said to a sign-in.
  struct Validated {
    Validated() = default;
    TokenRoute route = TokenRoute::exchange;
    CopilotToken token;  // its `token` is empty on the direct route
    Url api;
  };

  void look();
  bool chosen_is_there();
  awaitable<Result<Choice>> choice(std::string id);
  awaitable<Result<bool>> sign_out_of(std::string name);
  void use(std::optional<GitHubSignIn> sign_in);
  void recall(GitHubSignIn& sign_in);
  void pass_over(GitHubSignIn const& sign_in, Error const& why);
  Error nobody_signed_in() const;
  awaitable<bool> ask_sources();
  awaitable<bool> put_into_keyring(Account const& account, Secret token);

  awaitable<Result<SharedAccess>> refresh();
  awaitable<Result<SharedAccess>> obtain(GitHubSignIn sign_in);
  awaitable<Result<Validated>> validate(GitHubSignIn const& sign_in);
  awaitable<Result<Validated>> validate_direct(GitHubSignIn const& sign_in);
  awaitable<Result<CopilotUser>> read_user();
  bool still_in_use(GitHubSignIn const& sign_in) const;

  void hold(GitHubSignIn const& sign_in, Validated const& validated);
  static std::shared_ptr<CopilotAccess> shared(CopilotAccess access);
  // Takes the stored Copilot token if it is good and another one than the one at hand.
  bool hold_stored(GitHubSignIn const& sign_in);
  void keep(GitHubSignIn const& sign_in, Validated const& validated);
  Result<Url> api_of(std::string const& learnt) const;
  void forget_problem();
  std::optional<Url> completions_of(std::string const& learnt, Url const& api) const;
  void changed();

  Parts parts_;
  SingleFlight<Result<SharedAccess>> exchange_;
  SingleFlight<Result<CopilotUser>> reading_user_;
  SingleFlight<bool> asking_;
  std::optional<GitHubSignIn> sign_in_;
  std::vector<GitHubSignIn> next_;      // those after it, best first
  std::optional<GitHubSignIn> chosen_;  // by choose(): goes before all others
  std::vector<PassedOver> passed_over_;
  std::vector<Refused> refused_;
  std::optional<Error> source_problem_;
  bool looked_ = false;             // the sources have been asked
  bool pending_ = false;            // … but for other programs
  std::uint64_t seen_version_ = 0;  // of the store
  std::chrono::milliseconds noticed_at_{-1};
  bool told_ = false;  // of the store's changes, by notice_changes() from outside
  std::chrono::milliseconds look_again_at_{0};  // while nobody is signed in
  std::optional<Held> held_;
  Secret rejected_;               // the last token that Copilot refused in the middle of its life
  std::optional<Error> problem_;  // of the last exchange, or on the way to Copilot
  // A refused account is not asked about again before this (quality row U13).
  std::chrono::milliseconds refused_until_{0};
  std::chrono::milliseconds refresh_pause_until_{0};  // after a failed refresh ahead of time
  std::uint64_t generation_ = 0;
  std::string plan_;
  std::vector<std::function<void()>> listeners_;
};

}  // namespace jumpseat
