#include "server/base/event.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

namespace jumpseat {

// A timer that never expires and is cancelled to wake its waiters.
Event::Event(Executor executor) : timer_(executor, SteadyTimer::time_point::max()) {}

void Event::notify() { timer_.cancel(); }

awaitable<> Event::wait() {
  boost::system::error_code ignored;  // notify() arrives as operation_aborted
  auto token = asio::redirect_error(use_awaitable, ignored);
  co_await timer_.async_wait(token);
  // A wait that ended because this coroutine was cancelled throws at its caller's next co_await.
}

}  // namespace jumpseat
