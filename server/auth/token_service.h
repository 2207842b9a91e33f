// TokenService hands out a Copilot token that is good for at least a while. Callers just await
// get(); who refreshes, and when, is decided here: ahead of expiry, once for all callers, never
// while idle. It never deletes a sign-in: only a person's sign-out does.
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
#include "server/auth/stores.h"
#include "server/auth/token_sources.h"
#include "server/base/clock.h"
#include "server/base/config.h"
#include "server/base/scope.h"
#include "server/base/single_flight.h"

namespace jumpseat {

// What a call to Copilot needs.
struct CopilotAccess {
  CopilotAccess() = default;
  Secret token;  // Bearer
  Url api;       // the base that belongs to this token; judged
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
  std::optional<Error> problem;
  std::vector<PassedOver> passed_over;
  std::optional<std::chrono::seconds> token_left;  // until the Copilot token expires
};

class TokenService {
 public:
  struct Parts {
    asio::io_context& io;
    Scope& background;
    GitHubApi& github;
    TokenSources& sources;
    Stores& stores;
    Clock& clock;
    Config const& config;
  };
  explicit TokenService(Parts parts);

  // A token with the host that belongs to it. Fails with not_signed_in (names the ways to sign in),
  // token_rejected, no_copilot_access, copilot_disabled, host_refused, or why GitHub cannot be
  // reached.
  awaitable<Result<CopilotAccess>> get();
  // Copilot refused this token: it is forgotten, the next get() exchanges anew. A generation that
  // is not the current one is ignored: somebody has been here before.
  void reject(std::uint64_t generation);

  // The GitHub sign-in in use, from memory or found now; no network.
  Result<GitHubSignIn const*> sign_in();
  SignInState state();
  // GET /copilot_internal/user with the sign-in in use; the login is remembered.
  awaitable<Result<CopilotUser>> user();

  // A device sign-in ended well: it is saved and used from now on. A store that cannot keep it is a
  // warning, the sign-in works until the process ends.
  Result<void> adopt(Secret github_token);
  // Forgets the saved sign-in. True when there was one.
  Result<bool> sign_out();

  // Called after every change of state(). Returns nothing to unsubscribe: listeners live as long as
  // we do.
  void on_change(std::function<void()> listener) { listeners_.push_back(std::move(listener)); }

 private:
  struct Held {
    CopilotAccess access;
    std::chrono::milliseconds expires{};  // Clock::elapsed()
    std::chrono::milliseconds refresh_at{};
  };
  awaitable<Result<CopilotAccess>> refresh();
  awaitable<Result<CopilotUser>> read_user();
  void hold(CopilotToken const& token, Url api, std::optional<std::int64_t> account);
  void hold_stored(GitHubSignIn const& sign_in);
  Result<Url> api_of(std::string const& learnt) const;
  std::optional<Url> completions_of(std::string const& learnt, Url const& api) const;
  void changed();

  Parts parts_;
  SingleFlight<Result<CopilotAccess>> exchange_;
  SingleFlight<Result<CopilotUser>> reading_user_;
  std::optional<GitHubSignIn> sign_in_;
  std::vector<PassedOver> passed_over_;
  std::optional<Error> source_problem_;
  bool looked_ = false;  // the sources have been asked
  std::optional<Held> held_;
  std::optional<Error> problem_;  // of the last exchange
  // A refused account is not asked about again before this (quality row U13).
  std::chrono::milliseconds refused_until_{0};
  std::chrono::milliseconds refresh_pause_until_{0};  // after a failed refresh ahead of time
  std::uint64_t generation_ = 0;
  std::vector<std::function<void()>> listeners_;
};

}  // namespace jumpseat
