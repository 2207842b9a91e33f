// The queue before Copilot: order, limits, and what becomes of those who leave it.
#include "server/upstream/throttle.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "server/base/scope.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "tests/support/stop.h"

namespace jumpseat {
namespace {

using std::chrono::seconds;
using Place = Throttle::Place;

struct World {
  FakeClock clock;
  Config config;
  asio::io_context io{1};
  Scope scope{io};
  Throttle throttle{io, clock, config};
  std::vector<std::string> order;        // who got in
  std::vector<Place> places;             // and is still there
  std::vector<std::string> turned_away;  // with Retry-After

  explicit World(int concurrency, int rpm, int queue = 64) {
    config.concurrency = concurrency;
    config.requests_per_minute = rpm;
    config.queue = queue;
  }
  ~World() { run(io, stop(scope)); }

  awaitable<> visit(std::string name) {
    auto place = co_await throttle.enter("m");
    if (!place) {
      turned_away.push_back(name + " " + std::to_string(place.error().retry_after()->count()));
      CHECK(place.error().code() == ErrorCode::rate_limited);
      CHECK(place.error().message().starts_with("Rate limit exceeded"));
      co_return;
    }
    order.push_back(std::move(name));
    places.push_back(std::move(*place));
  }
  Scope::TaskId come(std::string name) { return scope.spawn("visit", visit(std::move(name))); }
  void leave() { places.erase(places.begin()); }
  void until_inside(std::size_t count) {
    run_until(io, [&] { return order.size() == count; });
  }
};

using Names = std::vector<std::string>;

TEST_CASE("callers beyond the limit wait in their order") {
  World world(2, 0);
  for (auto const* name : {"a", "b", "c", "d", "e"}) world.come(name);
  CHECK(world.order == Names{"a", "b"});
  world.leave();
  world.until_inside(3);
  world.leave();
  world.until_inside(4);
  CHECK(world.order == Names{"a", "b", "c", "d"});
  world.leave();
  world.until_inside(5);
  CHECK(world.turned_away.empty());
}

TEST_CASE("nobody overtakes the queue") {
  World world(1, 0);
  world.come("a");
  world.come("b");
  world.leave();
  world.come("c");  // b has not been woken yet
  world.until_inside(2);
  CHECK(world.order == Names{"a", "b"});
  world.leave();
  world.until_inside(3);
}

TEST_CASE("a full queue turns callers away at once, with a time to come again") {
  World world(1, 0, 1);
  for (auto const* name : {"a", "b", "c"}) world.come(name);
  CHECK(world.turned_away == Names{"c 5"});
  world.leave();
  world.until_inside(2);

  World without(1, 0, 0);
  without.come("a");
  without.come("b");
  CHECK(without.turned_away == Names{"b 5"});
}

TEST_CASE("a caller who leaves the queue makes room, also at its head") {
  World world(1, 0, 2);
  world.come("a");
  auto const b = world.come("b");
  world.come("c");
  world.scope.cancel(b);
  run_until(world.io, [&] { return world.scope.size() == 1; });
  world.come("d");
  CHECK(world.turned_away.empty());
  world.leave();
  world.until_inside(2);
  world.leave();
  world.until_inside(3);
  CHECK(world.order == Names{"a", "c", "d"});
}

TEST_CASE("so many a minute, any minute; a wait beyond half of one is refused at once") {
  World world(0, 2);
  world.come("a");
  world.clock.advance(seconds(20));
  for (auto const* name : {"b", "c"}) world.come(name);
  CHECK(world.order == Names{"a", "b"});
  CHECK(world.turned_away == Names{"c 40"});
  world.clock.advance(seconds(40));
  world.come("d");  // in the place of a
  CHECK(world.order == Names{"a", "b", "d"});
  world.come("e");  // 20 s until b's minute is over: it waits
  CHECK(world.turned_away == Names{"c 40"});
  world.come("f");  // behind e, until d's is: in vain
  CHECK(world.turned_away == Names{"c 40", "f 60"});
  world.clock.advance(seconds(20));
  world.leave();  // wakes the queue
  world.until_inside(4);
  CHECK(world.order.back() == "e");
}

TEST_CASE("a wait ends after half a minute") {
  World world(1, 0);
  world.come("a");
  world.come("b");
  world.come("c");
  world.clock.advance(seconds(31));
  world.scope.cancel(world.come("d"));  // its leaving wakes the first
  run_until(world.io, [&] { return world.turned_away.size() == 2; });
  CHECK(world.turned_away == Names{"b 5", "c 5"});
  CHECK(world.order == Names{"a"});
}

TEST_CASE("what happened to the model while a caller waited counts") {
  World world(1, 0);
  world.come("a");
  world.come("b");
  world.throttle.bad("m", 429, fail(ErrorCode::rate_limited, "wait"), seconds(9));
  world.leave();
  run_until(world.io, [&] { return !world.turned_away.empty(); });
  CHECK(world.turned_away == Names{"b 9"});
  // It gave its place back.
  world.throttle.good("m");
  world.come("c");
  CHECK(world.order == Names{"a", "c"});
}

TEST_CASE("a place can be moved and is given back once") {
  World world(1, 0);
  world.come("a");
  Place moved = std::move(world.places[0]);
  world.places.clear();
  world.come("b");
  CHECK(world.order == Names{"a"});
  moved = Place();
  world.until_inside(2);
  world.come("c");
  CHECK(world.order == Names{"a", "b"});
  world.leave();
  world.until_inside(3);
}

}  // namespace
}  // namespace jumpseat
