// How often GitHub is asked for the quota, and for whom it is remembered.
#include "server/chat/usage_service.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/support/chat_world.h"

using namespace jumpseat;
using namespace std::chrono_literals;

namespace {

struct World : ChatWorld {
  explicit World(SignIn sign_in = SignIn::saved) : ChatWorld(sign_in) {
    github.answer(user_route, 200, R"({"login":"octocat","copilot_plan":"individual"})");
  }
  UsageService service{tokens, clock};

  // "login age", or the error's name.
  std::string ask() {
    auto usage = run(io, service.get());
    if (!usage) return std::string(usage.error().name());
    return usage->user.login + " " + std::to_string(usage->age_seconds);
  }
  std::size_t asked() const { return github.count(user_route); }
};

}  // namespace

TEST_CASE("nobody signed in is an error, and GitHub is not asked") {
  World world(ChatWorld::SignIn::none);
  CHECK(world.ask() == "not_signed_in");
  CHECK(world.asked() == 0);
}

TEST_CASE("the quota is good for half a minute, and says how old it is") {
  World world;
  CHECK(world.ask() == "octocat 0");
  auto const first = world.asked();
  world.clock.advance(29s);
  auto const second = world.ask();
  CHECK((second == "octocat 29" || second == "octocat 0"));
  world.clock.advance(31s);
  CHECK(world.ask() == "octocat 0");
  CHECK(world.asked() > first);
}

TEST_CASE("a refusal is not remembered") {
  World world;
  world.github.answer(ChatWorld::user_route, 500, "no");
  CHECK(world.ask() == "upstream_failed");
  world.github.answer(ChatWorld::user_route, 200, R"({"login":"octocat"})");
  CHECK(world.ask() == "octocat 0");
}
