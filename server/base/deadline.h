// Waits with an end.
#pragma once

#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "server/base/asio.h"

namespace jumpseat {

// Returns after `duration`; throws when cancelled meanwhile.
inline awaitable<> sleep_for(std::chrono::milliseconds duration) {
  SteadyTimer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(use_awaitable);
}

// What `operation` returned, or nothing when it was not done in time; it is cancelled then.
template <class T>
awaitable<std::optional<T>> with_deadline(awaitable<T> operation,
                                          std::chrono::milliseconds duration) {
  using asio::experimental::awaitable_operators::operator||;
  auto race = std::move(operation) || sleep_for(duration);
  std::variant<T, std::monostate> first = co_await std::move(race);
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  co_return std::nullopt;
}

// The same for an operation without a result: true when it was done in time.
inline awaitable<bool> within(awaitable<> operation, std::chrono::milliseconds duration) {
  using asio::experimental::awaitable_operators::operator||;
  auto race = std::move(operation) || sleep_for(duration);
  auto const first = co_await std::move(race);
  co_return first.index() == 0;
}

}  // namespace jumpseat
