// Runs coroutines in a test, with an end to every wait.
//
//   asio::io_context io(1);
//   auto reply = run(io, client.send(std::move(request)));
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "server/base/asio.h"
#include "tests/support/show.h"

namespace jumpseat {

inline constexpr std::chrono::seconds run_limit(10);

// Turns the loop until `done()` holds. It is asked after every event, and every few milliseconds
// for the sake of what happens on other threads.
template <class Predicate>
void run_until(asio::io_context& io, Predicate done) {
  auto const deadline = std::chrono::steady_clock::now() + run_limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("run_until(): nothing came of it within 10 s");
    }
    io.restart();
    io.run_one_for(std::chrono::milliseconds(5));
  }
}

namespace run_detail {

template <class T>
awaitable<> store(awaitable<T> operation, std::optional<T>& result) {
  result.emplace(co_await std::move(operation));
}

}  // namespace run_detail

// Runs `operation` to its end; what it throws is thrown here.
inline void run(asio::io_context& io, awaitable<> operation) {
  bool done = false;
  std::exception_ptr thrown;
  asio::co_spawn(io, std::move(operation), [&](std::exception_ptr exception) {
    thrown = exception;
    done = true;
  });
  run_until(io, [&] { return done; });
  if (thrown) std::rethrow_exception(thrown);
}

// The same for an operation with a result.
template <class T>
T run(asio::io_context& io, awaitable<T> operation) {
  std::optional<T> result;
  run(io, run_detail::store(std::move(operation), result));
  return *std::move(result);
}

}  // namespace jumpseat
