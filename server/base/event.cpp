#include "server/base/event.h"

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

namespace jumpseat {

// A timer that never expires and is cancelled to wake its waiters.
Event::Event(Executor executor) : timer_(executor, SteadyTimer::time_point::max()) {}

void Event::notify() { timer_.cancel(); }

awaitable<> Event::wait() {
  boost::system::error_code ignored;  // notify() arrives as operation_aborted
  auto token = asio::redirect_error(use_awaitable, ignored);
  co_await timer_.async_wait(token);
  auto const state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
}

}  // namespace jumpseat
