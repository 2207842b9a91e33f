#include "server/base/event.h"

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>
#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

enum class End { returned, cancelled };

// Coroutines that wait for one Event; how each went on is in `ends`.
struct Waiters {
  asio::io_context io{1};
  std::unique_ptr<Event> event = std::make_unique<Event>(io.get_executor());
  std::vector<std::pair<int, End>> ends;

  awaitable<> wait(int name) {
    std::optional<End> end;
    try {
      co_await event->wait();
      end = End::returned;
    } catch (boost::system::system_error const& error) {
      CHECK(error.code() == asio::error::operation_aborted);
      end = End::cancelled;
    }
    ends.emplace_back(name, *end);
  }
  void start(int name) {
    asio::co_spawn(io, wait(name), [](std::exception_ptr const&) {});
  }
  void start(int name, asio::cancellation_signal& cancel) {
    asio::co_spawn(io, wait(name),
                   asio::bind_cancellation_slot(cancel.slot(), [](std::exception_ptr const&) {}));
  }
  void run() {
    io.restart();
    io.poll();
  }
};

using Ends = std::vector<std::pair<int, End>>;

}  // namespace

TEST_CASE("an event wakes who waits now, in order, and nobody inside notify()", "[event]") {
  Waiters waiters;
  waiters.event->notify();
  waiters.start(1);
  waiters.start(2);
  waiters.run();
  CHECK(waiters.ends.empty());
  waiters.event->notify();
  waiters.event->notify();
  CHECK(waiters.ends.empty());
  waiters.start(3);
  waiters.run();
  CHECK(waiters.ends == Ends{{1, End::returned}, {2, End::returned}});
  waiters.event->notify();
  waiters.run();
  CHECK(waiters.ends.size() == 3);
}

TEST_CASE("a wait for an event is cancelled alone", "[event]") {
  Waiters waiters;
  asio::cancellation_signal cancel;
  waiters.start(1);
  waiters.start(2, cancel);
  waiters.run();
  cancel.emit(asio::cancellation_type::terminal);
  cancel.emit(asio::cancellation_type::terminal);
  CHECK(waiters.ends.empty());
  waiters.run();
  CHECK(waiters.ends == Ends{{2, End::cancelled}});
  waiters.event->notify();
  waiters.run();
  CHECK(waiters.ends == Ends{{2, End::cancelled}, {1, End::returned}});
}

TEST_CASE("a wait that was notified and is then cancelled before it went on", "[event]") {
  Waiters waiters;
  asio::cancellation_signal cancel;
  waiters.start(1, cancel);
  waiters.run();
  waiters.event->notify();
  waiters.event.reset();
  cancel.emit(asio::cancellation_type::terminal);
  waiters.run();
  CHECK(waiters.ends == Ends{{1, End::returned}});
}

TEST_CASE("an event that goes wakes who waits", "[event]") {
  Waiters waiters;
  waiters.start(1);
  waiters.run();
  waiters.event.reset();
  waiters.run();
  CHECK(waiters.ends == Ends{{1, End::returned}});
}

TEST_CASE("who is notified in wake_after() goes on at its end", "[event]") {
  Waiters waiters;
  Event second(waiters.io.get_executor());
  bool woken_in_turn = false;
  auto const relay = [](Event& first, Event& next) -> awaitable<> {
    co_await first.wait();
    next.notify();
  };
  auto const last = [](Event& event, bool& woken) -> awaitable<> {
    co_await event.wait();
    woken = true;
  };
  waiters.start(1);
  asio::co_spawn(waiters.io, relay(*waiters.event, second), [](std::exception_ptr const&) {});
  asio::co_spawn(waiters.io, last(second, woken_in_turn), [](std::exception_ptr const&) {});
  waiters.run();

  wake_after([&] {
    waiters.event->notify();
    CHECK(waiters.ends.empty());
  });
  CHECK(waiters.ends == Ends{{1, End::returned}});
  CHECK_FALSE(woken_in_turn);
  waiters.run();
  CHECK(woken_in_turn);
}

TEST_CASE("work that throws, or is part of other work, wakes by way of the loop", "[event]") {
  Waiters waiters;
  waiters.start(1);
  waiters.run();
  CHECK_THROWS_AS(wake_after([&] {
                    waiters.event->notify();
                    throw std::runtime_error("work failed");
                  }),
                  std::runtime_error);
  CHECK(waiters.ends.empty());
  waiters.run();
  CHECK(waiters.ends == Ends{{1, End::returned}});

  waiters.start(2);
  waiters.run();
  wake_after([&] {
    wake_after([&] { waiters.event->notify(); });
    CHECK(waiters.ends.size() == 1);
  });
  CHECK(waiters.ends.size() == 1);
  waiters.run();
  CHECK(waiters.ends == Ends{{1, End::returned}, {2, End::returned}});
}

TEST_CASE("who waits for an event when the loop goes is destroyed with it", "[event]") {
  auto const alive = std::make_shared<int>();
  auto waiters = std::make_unique<Waiters>();
  auto const hold = [](Event& event, std::shared_ptr<int> held) -> awaitable<> {
    co_await event.wait();
    FAIL("nobody notified; " << *held);
  };
  asio::co_spawn(waiters->io, hold(*waiters->event, alive), [](std::exception_ptr const&) {});
  waiters->run();
  CHECK(alive.use_count() == 2);
  waiters.reset();
  CHECK(alive.use_count() == 1);
}

}  // namespace jumpseat
