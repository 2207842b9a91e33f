// What is decided before a call that makes Copilot work: may it be made now, later, or not at all?
//
//   if (auto refusal = throttle.refusal(model)) co_return std::move(*refusal);  // nothing was sent
//   Throttle::Place place;
//   if (throttle.limited()) {
//     auto taken = co_await throttle.enter(model);
//     if (!taken) co_return taken.error();
//     place = std::move(*taken);
//   }
//   …the call, and the reading of its answer, while `place` lives…
//
// It also counts how the calls ended, for GET /metrics.
//
// ModelHealth always has its say. JUMPSEAT_RPM and JUMPSEAT_CONCURRENCY are off unless they are
// set: with them, calls queue in the order in which they came, up to JUMPSEAT_QUEUE of them and for
// at most half a minute each; whoever finds no place is told "Rate limit exceeded" and when to come
// again. A caller that leaves gives its place in the queue up.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "protocol/result.h"
#include "server/base/asio.h"
#include "server/base/clock.h"
#include "server/base/config.h"
#include "server/base/event.h"
#include "server/upstream/model_health.h"

namespace jumpseat {

// The calls to one model since the process began.
struct ModelCalls {
  ModelCalls() = default;
  std::uint64_t succeeded = 0;
  std::map<int, std::uint64_t> failed;  // by HTTP status; 0: no answer came
  std::uint64_t not_sent = 0;           // during a pause, or while the circuit was open
  std::uint64_t pauses = 0;             // that Copilot has asked for
};

class Throttle {
 public:
  static constexpr std::chrono::seconds longest_wait{30};

  // A place among the calls under way; destroying it lets the next one in. Throttle outlives it.
  class Place {
   public:
    Place() = default;
    explicit Place(Throttle* throttle) : throttle_(throttle) {}
    Place(Place&& other) noexcept : throttle_(other.throttle_) { other.throttle_ = nullptr; }
    Place& operator=(Place&& other) noexcept;
    ~Place();

   private:
    Throttle* throttle_ = nullptr;  // none: nothing is limited
  };

  Throttle(asio::io_context& io, Clock& clock, Config const& config)
      : io_(io), clock_(clock), config_(config) {}
  Throttle(Throttle const&) = delete;
  Throttle& operator=(Throttle const&) = delete;

  // Why ModelHealth says no: rate_limited, or the failure that keeps the circuit of `model` open.
  std::optional<Error> refusal(std::string const& model);
  bool limited() const { return config_.requests_per_minute > 0 || config_.concurrency > 0; }
  // A place under the limits, perhaps after a wait. Fails with rate_limited, or with what
  // refusal() says after the wait.
  awaitable<Result<Place>> enter(std::string model);

  // How a call ended: with a 2xx head, with another status, or without any.
  void good(std::string const& model);
  void bad(std::string const& model, int status, Error const& error,
           std::optional<std::chrono::seconds> named_wait);
  void unanswered(std::string const& model) { ++calls_of(model).failed[0]; }
  // A call whose token was refused and which is sent again with a new one.
  void refused(std::string const& model, int status) { ++calls_of(model).failed[status]; }

  // By upstream's id of the model. At most max_counted models; further ones are "other".
  static constexpr std::size_t max_counted = 200;
  std::map<std::string, ModelCalls> const& calls() const { return calls_; }
  ModelHealth::State state(std::string const& model) const {
    return health_.state(model, clock_.elapsed());
  }

 private:
  struct Waiter {
    explicit Waiter(Executor executor) : moved(executor) {}
    Event moved;  // somebody left, or the queue moved on
  };
  using Queue = std::list<Waiter>;
  // Leaves the queue, however the waiting ends.
  class Ticket;

  ModelCalls& calls_of(std::string const& model);
  bool take(std::chrono::milliseconds now);
  std::chrono::milliseconds rate_opens(std::size_t ahead, std::chrono::milliseconds now);
  void leave();
  void wake_first();
  Error full(std::chrono::milliseconds wait) const;

  asio::io_context& io_;
  Clock& clock_;
  Config const& config_;
  ModelHealth health_;
  std::map<std::string, ModelCalls> calls_;
  Queue queue_;
  int under_way_ = 0;
  std::deque<std::chrono::milliseconds> started_;  // within the last minute, oldest first
};

}  // namespace jumpseat
