// Scope: who starts a coroutine waits for it.

#include "server/base/scope.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "server/base/deadline.h"
#include "server/base/log.h"
#include "tests/support/run.h"

namespace jumpseat {
namespace {

awaitable<> add(int& counter) {
  ++counter;
  co_return;
}

awaitable<> wait_forever(Event& event, int& cancelled) {
  try {
    while (true) co_await event.wait();
  } catch (boost::system::system_error const&) {
    ++cancelled;
    throw;
  }
}

awaitable<> wait_once(Event& event, int& woken) {
  co_await event.wait();
  ++woken;
}

awaitable<> fail_with(std::string what) {
  throw std::runtime_error(what);
  co_return;
}

void settle(asio::io_context& io) {
  do {
    io.restart();
  } while (io.poll() > 0);
}

TEST_CASE("join() returns when every task has ended") {
  asio::io_context io{1};
  Scope scope(io);
  int count = 0;
  for (int i = 0; i < 3; ++i) scope.spawn("add", add(count));
  CHECK(scope.size() == 3);
  run(io, scope.join());
  CHECK(count == 3);
  CHECK(scope.empty());
  run(io, scope.join());  // of nobody
}

TEST_CASE("one task is cancelled, the others go on") {
  asio::io_context io{1};
  Event event(io.get_executor());
  Scope scope(io);
  int first = 0;
  int second = 0;
  auto const id = scope.spawn("first", wait_forever(event, first));
  scope.spawn("second", wait_forever(event, second));
  settle(io);
  scope.cancel(id);
  settle(io);
  CHECK(first == 1);
  CHECK(second == 0);
  CHECK(scope.size() == 1);
  scope.cancel(id);  // has ended
  settle(io);
  CHECK(scope.size() == 1);
  scope.cancel();
  run(io, scope.join());
  CHECK(second == 1);
}

TEST_CASE("ids are not used again") {
  asio::io_context io{1};
  Scope scope(io);
  int count = 0;
  auto const first = scope.spawn("add", add(count));
  run(io, scope.join());
  auto const second = scope.spawn("add", add(count));
  CHECK(first != second);
  scope.cancel(first);
  run(io, scope.join());
  CHECK(count == 2);
}

TEST_CASE("a task that is cancelled before it began ends all the same") {
  asio::io_context io{1};
  Event event(io.get_executor());
  Scope scope(io);
  int cancelled = 0;
  scope.spawn("wait", wait_forever(event, cancelled));
  scope.cancel();
  run(io, scope.join());
  CHECK(scope.empty());
}

TEST_CASE("a task's exception is logged with its name and ends nobody else") {
  asio::io_context io{1};
  Event event(io.get_executor());
  Scope scope(io);
  std::vector<std::string> records;
  log::listen([&](log::Level, std::string const& text) { records.push_back(text); });
  int woken = 0;
  scope.spawn("broken task", fail_with("out of cheese"));
  scope.spawn("wait", wait_once(event, woken));
  settle(io);
  log::listen({});
  REQUIRE(records.size() == 1);
  CHECK(records[0].find("broken task") != std::string::npos);
  CHECK(records[0].find("out of cheese") != std::string::npos);
  event.notify();
  run(io, scope.join());
  CHECK(woken == 1);
}

TEST_CASE("cancellation is not logged") {
  asio::io_context io{1};
  Event event(io.get_executor());
  Scope scope(io);
  std::vector<std::string> records;
  log::listen([&](log::Level, std::string const& text) { records.push_back(text); });
  int cancelled = 0;
  scope.spawn("wait", wait_forever(event, cancelled));
  settle(io);
  scope.cancel();
  run(io, scope.join());
  log::listen({});
  CHECK(cancelled == 1);
  CHECK(records.empty());
}

awaitable<> spawn_inside(Scope& scope, std::vector<std::string>& order, int& count) {
  scope.spawn("inner", add(count));
  order.push_back("after spawn with " + std::to_string(count));
  co_return;
}

TEST_CASE("on the loop, a task runs until its first wait before spawn() returns") {
  asio::io_context io{1};
  Scope scope(io);
  std::vector<std::string> order;
  int count = 0;
  scope.spawn("outer", spawn_inside(scope, order, count));
  run(io, scope.join());
  CHECK(order == std::vector<std::string>{"after spawn with 1"});
  CHECK(count == 1);
}

// ---- Event ----

TEST_CASE("notify() wakes everyone who waits, and nobody who comes later") {
  asio::io_context io{1};
  Event event(io.get_executor());
  Scope scope(io);
  int woken = 0;
  event.notify();  // nobody there
  scope.spawn("first", wait_once(event, woken));
  scope.spawn("second", wait_once(event, woken));
  settle(io);
  CHECK(woken == 0);
  event.notify();
  CHECK(woken == 0);  // not inside notify()
  scope.spawn("late", wait_once(event, woken));
  settle(io);
  CHECK(woken == 2);
  event.notify();
  run(io, scope.join());
  CHECK(woken == 3);
}

// ---- deadline.h ----

awaitable<int> answer_at_once() { co_return 42; }

awaitable<int> answer_never(Event& event, int& cancelled) {
  int ignored = 0;
  try {
    co_await wait_forever(event, ignored);
  } catch (boost::system::system_error const&) {
    ++cancelled;
    throw;
  }
  co_return 0;
}

TEST_CASE("with_deadline() gives the result of what is done in time") {
  asio::io_context io{1};
  auto const answer = run(io, with_deadline(answer_at_once(), std::chrono::seconds(60)));
  CHECK(answer == std::optional<int>(42));
  int count = 0;
  CHECK(run(io, within(add(count), std::chrono::seconds(60))));
  CHECK(count == 1);
}

TEST_CASE("with_deadline() cancels what is late") {
  asio::io_context io{1};
  Event event(io.get_executor());
  int cancelled = 0;
  auto const answer =
      run(io, with_deadline(answer_never(event, cancelled), std::chrono::milliseconds(1)));
  CHECK(answer == std::nullopt);
  CHECK(cancelled == 1);
  int ended = 0;
  CHECK_FALSE(run(io, within(wait_forever(event, ended), std::chrono::milliseconds(1))));
  CHECK(ended == 1);
}

TEST_CASE("with_deadline() passes on an exception of the operation") {
  asio::io_context io{1};
  CHECK_THROWS_AS(run(io, within(fail_with("broken"), std::chrono::seconds(60))), std::exception);
}

}  // namespace
}  // namespace jumpseat
