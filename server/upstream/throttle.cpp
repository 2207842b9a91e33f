#include "server/upstream/throttle.h"

#include <algorithm>
#include <utility>

#include "server/base/deadline.h"

namespace jumpseat {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr milliseconds minute = std::chrono::minutes(1);
// When a place becomes free is up to other answers; this is how soon it is worth asking.
constexpr milliseconds ask_again = seconds(5);

}  // namespace

Throttle::Place& Throttle::Place::operator=(Place&& other) noexcept {
  std::swap(throttle_, other.throttle_);
  return *this;
}

Throttle::Place::~Place() {
  if (throttle_ != nullptr) throttle_->leave();
}

class Throttle::Ticket {
 public:
  explicit Ticket(Throttle& throttle)
      : throttle_(throttle),
        at_(throttle.queue_.emplace(throttle.queue_.end(), throttle.io_.get_executor())) {}
  Ticket(Ticket const&) = delete;
  Ticket& operator=(Ticket const&) = delete;
  ~Ticket() {
    throttle_.queue_.erase(at_);
    throttle_.wake_first();
  }
  bool first() const { return at_ == throttle_.queue_.begin(); }
  Event& moved() { return at_->moved; }

 private:
  Throttle& throttle_;
  Queue::iterator at_;
};

ModelCalls& Throttle::calls_of(std::string const& model) {
  auto const found = calls_.find(model);
  if (found != calls_.end()) return found->second;
  return calls_[calls_.size() < max_counted ? model : "other"];
}

std::optional<Error> Throttle::refusal(std::string const& model) {
  auto no = health_.refusal(model, clock_.elapsed());
  if (no) ++calls_of(model).not_sent;
  return no;
}

void Throttle::good(std::string const& model) {
  ++calls_of(model).succeeded;
  health_.good(model);
}

void Throttle::bad(std::string const& model, int status, Error const& error,
                   std::optional<seconds> named_wait) {
  auto& calls = calls_of(model);
  ++calls.failed[status];
  if (status == 429 && named_wait && named_wait->count() > 0) ++calls.pauses;
  health_.bad(model, status, error, named_wait, clock_.elapsed());
}

void Throttle::leave() {
  --under_way_;
  wake_first();
}

void Throttle::wake_first() {
  if (!queue_.empty()) queue_.front().moved.notify();
}

// When the rate allows the call that `ahead` others come before.
milliseconds Throttle::rate_opens(std::size_t ahead, milliseconds now) {
  while (!started_.empty() && started_.front() + minute <= now) started_.pop_front();
  auto const limit = static_cast<std::size_t>(config_.requests_per_minute);
  if (limit == 0 || started_.size() + ahead < limit) return now;
  // The one whose minute has to be over first; beyond those that have started, a minute more each.
  auto const place = started_.size() + ahead - limit;
  auto const rounds = static_cast<std::int64_t>(place / limit);
  auto const at = std::min(place % limit, started_.size() - 1);
  return started_[at] + minute * (rounds + 1);
}

bool Throttle::take(milliseconds now) {
  if (config_.concurrency > 0 && under_way_ >= config_.concurrency) return false;
  if (rate_opens(0, now) > now) return false;
  if (config_.requests_per_minute > 0) started_.push_back(now);
  ++under_way_;
  return true;
}

Error Throttle::full(milliseconds wait) const {
  std::string limits;
  if (config_.requests_per_minute > 0) {
    limits = "JUMPSEAT_RPM=" + std::to_string(config_.requests_per_minute);
  }
  if (config_.concurrency > 0) {
    limits += (limits.empty() ? "" : ", ") + std::string("JUMPSEAT_CONCURRENCY=") +
              std::to_string(config_.concurrency);
  }
  auto const after = std::max(seconds(1), std::chrono::ceil<seconds>(wait));
  return fail(ErrorCode::rate_limited, "Rate limit exceeded: your own limit (" + limits +
                                           ") is reached and the queue is full. Try again in " +
                                           std::to_string(after.count()) +
                                           " s, or raise the limit.")
      .with_retry_after(after);
}

awaitable<Result<Throttle::Place>> Throttle::enter(std::string model) {
  auto const entered = clock_.elapsed();
  if (queue_.empty() && take(entered)) co_return Place(this);

  auto const latest = entered + longest_wait;
  if (queue_.size() >= static_cast<std::size_t>(config_.queue)) {
    co_return full(std::max(rate_opens(queue_.size(), entered) - entered, ask_again));
  }
  // Whoever can only wait in vain need not wait.
  if (auto const opens = rate_opens(queue_.size(), entered); opens > latest) {
    co_return full(opens - entered);
  }
  Ticket ticket(*this);
  while (true) {
    auto const now = clock_.elapsed();
    if (ticket.first() && take(now)) break;
    if (now >= latest) co_return full(std::max(rate_opens(0, now) - now, ask_again));
    auto until = latest;
    if (auto const opens = rate_opens(0, now); ticket.first() && opens > now) {
      until = std::min(until, opens);
    }
    // A millisecond more, so that the wait is not over just before its time.
    co_await within(ticket.moved().wait(), until - now + milliseconds(1));
  }
  // What happened while it waited counts as well.
  Place place(this);
  if (auto no = refusal(model)) co_return std::move(*no);
  co_return std::move(place);
}

}  // namespace jumpseat
