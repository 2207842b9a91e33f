// What the last answers say about asking a model again now. Plain: it takes the time as an argument
// and does no I/O.
//
// - Upstream said 429 and for how long: until then (at most five minutes) nobody else asks it for
//   this model, and each caller is told how long is left (quality row U14).
// - Several 5xx in a row: the circuit opens. Calls fail at once with what upstream said last, one
//   call every five seconds tries again, and the first good answer closes it (U17).
//
// Models stand for themselves: one that is overloaded says nothing about the others.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace jumpseat {

class ModelHealth {
 public:
  static constexpr int failures_that_open = 5;
  static constexpr std::chrono::seconds probe_every{5};
  static constexpr std::chrono::seconds longest_hold{300};

  // How `model` stands at `now`.
  enum class State { well, resting, failing };
  State state(std::string const& model, std::chrono::milliseconds now) const;
  // Why `model` should not be asked at `now` (Clock::elapsed()); nothing when it may be. A call
  // that may be made while the circuit is open is the one that tries.
  std::optional<Error> refusal(std::string const& model, std::chrono::milliseconds now);
  // It answered: 2xx.
  void good(std::string const& model);
  // It refused with `status`, as `error` says. `named_wait` is what upstream asked for itself, if
  // it did; a wait that we only suggest to the caller holds nobody.
  void bad(std::string const& model, int status, Error const& error,
           std::optional<std::chrono::seconds> named_wait, std::chrono::milliseconds now);

 private:
  struct Trouble {
    std::chrono::milliseconds held_until{0};
    std::optional<Error> hold;  // what upstream said then
    int failures = 0;           // 5xx in a row
    std::chrono::milliseconds probe_at{0};
    std::optional<Error> failure;  // the last of them
  };
  // Only models that are in trouble have an entry.
  std::map<std::string, Trouble> states_;
};

}  // namespace jumpseat
