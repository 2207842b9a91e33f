// The device sign-in as it runs: start() answers at once with the code, the polling goes on in the
// background, whoever wants to know the end awaits wait(). One at a time: a second start() joins
// the first.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "server/auth/github_api.h"
#include "server/auth/token_service.h"
#include "server/base/clock.h"
#include "server/base/event.h"
#include "server/base/scope.h"
#include "server/base/single_flight.h"

namespace jumpseat {

// What a person needs to sign in.
struct SignInPrompt {
  std::string user_code;               // "ABCD-1234"
  std::string verification_uri;        // the issuer's own page
  std::chrono::seconds expires_in{0};  // left now
  std::chrono::seconds interval{0};
};

class SignIn {
 public:
  SignIn(asio::io_context& io, Scope& background, GitHubApi& github, TokenService& tokens,
         Clock& clock);

  // Asks GitHub for a code and starts to poll, or returns the prompt of the sign-in under way.
  awaitable<Result<SignInPrompt>> start();
  // How the sign-in under way ends, or how the last one ended. Success means that it is saved;
  // Copilot may still refuse the account, TokenService says so. Fails with sign_in_not_pending when
  // there has been none, sign_in_denied, sign_in_expired, sign_in_failed, cancelled.
  awaitable<Result<void>> wait();
  // Stops polling; wait() ends with cancelled.
  void cancel();
  bool pending() const { return pending_ != nullptr; }
  // Until the code expires; zero when nothing is pending.
  std::chrono::seconds left() const;
  // Called when a sign-in has ended, however it ended.
  void on_end(std::function<void(Result<void> const&)> listener) {
    listeners_.push_back(std::move(listener));
  }
  // "GitHub cannot be reached" while polling, or empty.
  std::string const& trouble() const { return trouble_; }

 private:
  struct Pending;
  awaitable<Result<SignInPrompt>> ask();
  awaitable<> poll(std::shared_ptr<Pending> pending);
  void finish(std::shared_ptr<Pending> const& pending, Result<void> outcome);
  SignInPrompt prompt() const;

  asio::io_context& io_;
  Scope& background_;
  GitHubApi& github_;
  TokenService& tokens_;
  Clock& clock_;
  SingleFlight<Result<SignInPrompt>> asking_;
  std::shared_ptr<Pending> pending_;
  std::shared_ptr<Pending> last_;  // ended, its outcome not yet asked for
  std::string trouble_;
  std::vector<std::function<void(Result<void> const&)>> listeners_;
};

}  // namespace jumpseat
