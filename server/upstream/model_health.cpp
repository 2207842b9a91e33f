#include "server/upstream/model_health.h"

#include <algorithm>

#include "protocol/upstream.h"

namespace jumpseat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Up to the next whole second, at least one: Retry-After knows no fractions.
seconds left(milliseconds until, milliseconds now) {
  return std::max(seconds(1), std::chrono::ceil<seconds>(until - now));
}

}  // namespace

ModelHealth::State ModelHealth::state(std::string const& model, milliseconds now) const {
  auto const found = states_.find(model);
  if (found == states_.end()) return State::well;
  if (found->second.failures >= failures_that_open) return State::failing;
  return found->second.hold && now < found->second.held_until ? State::resting : State::well;
}

std::optional<Error> ModelHealth::refusal(std::string const& model, milliseconds now) {
  if (states_.empty()) return std::nullopt;
  auto const found = states_.find(model);
  if (found == states_.end()) return std::nullopt;
  auto& state = found->second;
  if (state.hold) {
    if (now < state.held_until) {
      auto const wait = left(state.held_until, now);
      return fail(ErrorCode::rate_limited,
                  "Rate limit exceeded: Copilot asked for a pause with " + printable(model, 100) +
                      ", so this request was not sent. Try again in " +
                      std::to_string(wait.count()) + " s, or choose another model.")
          .with_name(std::string(state.hold->name()))
          .with_retry_after(wait);
    }
    state.hold.reset();
  }
  if (state.failures >= failures_that_open) {
    if (now < state.probe_at) {
      auto error = *state.failure;
      return std::move(error)
          .within("This request was not sent: Copilot failed " + std::to_string(state.failures) +
                  " times in a row with " + printable(model, 100) + ", the last time with")
          .with_retry_after(left(state.probe_at, now));
    }
    state.probe_at = now + probe_every;
  }
  if (state.failures == 0) states_.erase(found);
  return std::nullopt;
}

void ModelHealth::good(std::string const& model) {
  if (!states_.empty()) states_.erase(model);
}

void ModelHealth::bad(std::string const& model, int status, Error const& error,
                      std::optional<seconds> named_wait, milliseconds now) {
  if (status == 429) {
    if (!named_wait || named_wait->count() <= 0) return;
    auto& state = states_[model];
    state.hold = error;
    state.held_until = std::max(state.held_until, now + std::min(*named_wait, longest_hold));
    state.failures = 0;  // it is there, and says what it wants
    return;
  }
  if (status < 500) {
    // An answer about the request; the model is well.
    auto const found = states_.find(model);
    if (found != states_.end()) found->second.failures = 0;
    return;
  }
  auto& state = states_[model];
  state.failure = error;
  if (++state.failures >= failures_that_open) state.probe_at = now + probe_every;
}

}  // namespace jumpseat
