#include "server/auth/sign_in.h"

#include <utility>
#include <variant>

#include "server/auth/device_flow.h"
#include "server/base/deadline.h"
#include "server/base/log.h"

namespace jumpseat {

struct SignIn::Pending {
  Pending(Executor executor, DeviceCode device_code, DeviceFlow device_flow)
      : code(std::move(device_code)), flow(std::move(device_flow)), ended(executor) {}
  DeviceCode code;
  DeviceFlow flow;
  Event ended;
  std::optional<Result<void>> outcome;
  Scope::TaskId task = 0;
};

SignIn::SignIn(asio::io_context& io, Scope& background, GitHubApi& github, TokenService& tokens,
               Clock& clock)
    : io_(io),
      background_(background),
      github_(github),
      tokens_(tokens),
      clock_(clock),
      asking_(io, background, "device code") {}

awaitable<Result<SignInPrompt>> SignIn::start() {
  if (pending_) co_return prompt();
  auto asked = co_await asking_.run([this] { return ask(); });
  if (!asked) co_return fail(ErrorCode::cancelled, "The sign-in was stopped.");
  co_return std::move(*asked);
}

awaitable<Result<SignInPrompt>> SignIn::ask() {
  auto code = co_await github_.request_device_code();
  if (!code) co_return code.error();
  DeviceFlow flow(std::chrono::seconds(code->interval), std::chrono::seconds(code->expires_in),
                  clock_.elapsed());
  auto pending = std::make_shared<Pending>(io_.get_executor(), std::move(*code), flow);
  pending_ = pending;
  last_.reset();
  trouble_.clear();
  // The one log line that holds both, for programs without a person at the screen.
  log::info("auth", "to sign in, open the page and enter the code",
            {{"page", pending->code.verification_uri}, {"code", pending->code.user_code}});
  pending->task = background_.spawn("device sign-in", poll(pending));
  co_return prompt();
}

SignInPrompt SignIn::prompt() const {
  SignInPrompt prompt;
  prompt.user_code = pending_->code.user_code;
  prompt.verification_uri = pending_->code.verification_uri;
  prompt.expires_in = left();
  prompt.interval = std::chrono::seconds(pending_->code.interval);
  return prompt;
}

awaitable<> SignIn::poll(std::shared_ptr<Pending> pending) {
  auto step = pending->flow.start(clock_.elapsed());
  while (auto const* wait = std::get_if<DeviceFlow::Wait>(&step)) {
    co_await sleep_for(wait->pause);
    auto reply = co_await github_.poll_access_token(pending->code.device_code);
    if (reply) {
      trouble_ = reply->kind == AccessTokenReply::Kind::transient
                     ? "GitHub is in trouble: " + reply->error
                     : std::string();
      step = pending->flow.answered(std::move(*reply), clock_.elapsed());
    } else {
      trouble_ = reply.error().message();
      log::debug("auth", "a sign-in poll got no answer", {{"why", trouble_}});
      step = pending->flow.unreachable(clock_.elapsed());
    }
  }
  if (auto* problem = std::get_if<Error>(&step)) {
    finish(pending, *problem);
    co_return;
  }
  auto token = std::move(std::get<DeviceFlow::Granted>(step).access_token);
  auto saved = co_await tokens_.adopt(std::move(token));
  if (!saved) {
    log::warning("auth", "The sign-in works, but it will not survive this process: " +
                             saved.error().message());
  }
  finish(pending, {});
}

void SignIn::finish(std::shared_ptr<Pending> const& pending, Result<void> outcome) {
  if (pending->outcome) return;
  pending->outcome = outcome;
  pending->ended.notify();
  if (pending_ == pending) {
    last_ = std::move(pending_);
    pending_.reset();
  }
  trouble_.clear();
  for (auto const& listener : listeners_) listener(outcome);
}

awaitable<Result<void>> SignIn::wait() {
  auto watched = pending_ ? pending_ : last_;
  if (!watched) {
    co_return fail(ErrorCode::sign_in_not_pending, "No sign-in is pending. Start one first.");
  }
  while (!watched->outcome) co_await watched->ended.wait();
  co_return *watched->outcome;
}

void SignIn::cancel() {
  if (!pending_) return;
  auto pending = pending_;
  background_.cancel(pending->task);
  finish(pending, fail(ErrorCode::cancelled, "The sign-in was cancelled."));
}

std::chrono::seconds SignIn::left() const {
  return pending_ ? pending_->flow.left(clock_.elapsed()) : std::chrono::seconds(0);
}

}  // namespace jumpseat
