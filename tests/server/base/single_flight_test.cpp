// SingleFlight: one piece of work, however many ask.

#include "server/base/single_flight.h"

#include <stdexcept>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/run.h"
#include "tests/support/stop.h"

namespace jumpseat {
namespace {

struct World {
  asio::io_context io{1};
  Scope background{io};
  Scope callers{io};
  SingleFlight<int> flights{io, background, "work"};
  Event gate{io.get_executor()};
  int started = 0;
  int finished = 0;
  std::vector<std::optional<int>> results;

  ~World() {
    run(io, stop(callers));
    run(io, stop(background));
  }

  void settle() {
    do {
      io.restart();
    } while (io.poll() > 0);
  }
  // Lets the work under way come to its end.
  void finish() {
    finished = started;
    gate.notify();
  }
  awaitable<int> work() {
    int const mine = ++started;
    while (finished < mine) co_await gate.wait();
    co_return mine;
  }
  awaitable<int> quick() { co_return ++started; }
  awaitable<int> broken() {
    int const mine = ++started;
    while (finished < mine) co_await gate.wait();
    throw std::runtime_error("broken");
  }
  awaitable<> ask(std::function<awaitable<int>()> what) {
    auto result = co_await flights.run(std::move(what));
    results.push_back(result);
  }
  Scope::TaskId ask() {
    return callers.spawn("caller", ask([this] { return work(); }));
  }
};

using Results = std::vector<std::optional<int>>;

TEST_CASE("callers at the same time share one flight, a later one starts the next") {
  World world;
  world.ask();
  world.ask();
  world.settle();
  world.ask();
  world.settle();
  CHECK(world.started == 1);
  CHECK(world.flights.in_flight());
  world.finish();
  world.settle();
  CHECK(world.results == Results{1, 1, 1});
  CHECK_FALSE(world.flights.in_flight());

  world.ask();
  world.settle();
  CHECK(world.started == 2);
  world.finish();
  world.settle();
  CHECK(world.results.back() == std::optional<int>(2));
}

TEST_CASE("work that is done at once still has a result") {
  World world;
  world.callers.spawn("caller", world.ask([&] { return world.quick(); }));
  world.callers.spawn("caller", world.ask([&] { return world.quick(); }));
  run(world.io, world.callers.join());
  REQUIRE(world.results.size() == 2);
  CHECK(world.results[0]);
  CHECK(world.results[1]);
}

TEST_CASE("a cancelled caller stops waiting, the work goes on for the others") {
  World world;
  auto const impatient = world.ask();
  world.ask();
  world.settle();
  world.callers.cancel(impatient);
  world.settle();
  CHECK(world.callers.size() == 1);
  CHECK(world.background.size() == 1);
  world.finish();
  world.settle();
  CHECK(world.results == Results{1});
}

TEST_CASE("work whose callers are all gone is finished anyway") {
  World world;
  auto const only = world.ask();
  world.settle();
  world.callers.cancel(only);
  world.settle();
  CHECK(world.callers.empty());
  CHECK(world.background.size() == 1);
  world.ask();  // joins it
  world.settle();
  CHECK(world.started == 1);
  world.finish();
  world.settle();
  CHECK(world.results == Results{1});
}

TEST_CASE("when the background ends, callers get nothing") {
  World world;
  world.ask();
  SECTION("in the middle of the work") {
    world.ask();
    world.settle();
    world.background.cancel();
    world.settle();
    CHECK(world.results == Results{std::nullopt, std::nullopt});
  }
  SECTION("as soon as the work was started") {
    while (world.background.empty()) world.io.run_one();
    world.background.cancel();
    world.settle();
    CHECK(world.results == Results{std::nullopt});
  }
  CHECK(world.background.empty());
}

TEST_CASE("work that throws gives nothing, and the next caller starts anew") {
  World world;
  world.callers.spawn("caller", world.ask([&] { return world.broken(); }));
  world.settle();
  world.finish();
  world.settle();
  CHECK(world.results == Results{std::nullopt});
  world.ask();
  world.settle();
  world.finish();
  world.settle();
  CHECK(world.results == Results{std::nullopt, 2});
}

TEST_CASE("prepare() starts the work without waiting and joins what is under way") {
  World world;
  world.flights.prepare([&] { return world.work(); });
  world.flights.prepare([&] { return world.work(); });
  CHECK(world.flights.in_flight());
  world.settle();
  CHECK(world.started == 1);
  world.ask();
  world.settle();
  CHECK(world.started == 1);
  world.finish();
  world.settle();
  CHECK(world.results == Results{1});
}

}  // namespace
}  // namespace jumpseat
