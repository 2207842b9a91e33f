// The names under which the server uses Boost.Asio. One io_context, one thread; the executor's type
// is spelled out everywhere, which spares every operation a type-erased indirection.
#pragma once

#include <chrono>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace jumpseat {

namespace asio = boost::asio;

using Executor = asio::io_context::executor_type;
// A coroutine on the loop. It is destroyed with its caller; cancellation reaches it as an exception
// at the next co_await.
template <class T = void>
using awaitable = asio::awaitable<T, Executor>;
inline constexpr asio::use_awaitable_t<Executor> use_awaitable;

// The steady clock stops with the machine where the system's does; times of day come from Clock.
using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace jumpseat
