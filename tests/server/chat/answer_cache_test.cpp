// What is kept, for whom, and what counts as the same question.
#include "server/chat/answer_cache.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/support/chat_world.h"

using namespace jumpseat;
using namespace std::chrono_literals;

namespace {

struct World : ChatWorld {
  explicit World(SignIn sign_in = SignIn::saved) : ChatWorld(sign_in) { config.cache = true; }
  AnswerCache cache{stores, tokens, clock, config};

  std::optional<AnswerCache::Question> question(std::string_view body,
                                                std::string_view control = {},
                                                std::string_view model = "m") {
    return run(io, cache.question("/chat/completions", model, body, read_cache_control(control)));
  }
  // The stored answer, or "-".
  std::string find(std::string_view body, std::string_view control = {},
                   std::string_view model = "m") {
    auto const asked = question(body, control, model);
    if (!asked) return "-";
    auto const hit = cache.find(*asked);
    return hit ? hit->stored.answer : "-";
  }
  void keep(std::string_view body, std::string_view answer) {
    auto const asked = question(body);
    REQUIRE(asked);
    cache.keep(*asked, "up", answer);
  }
};

bool suits(std::string body) {
  auto request = ChatRequest::parse(std::move(body));
  REQUIRE(request);
  return AnswerCache::suits(*request);
}

}  // namespace

TEST_CASE("only whole answers at temperature 0 and without tools suit") {
  std::string const messages = R"("messages":[{"role":"user","content":"a"}])";
  for (std::string_view zero : {"0", "0.0", "0e5", "-0"}) {
    CAPTURE(zero);
    CHECK(suits("{" + messages + R"(,"temperature":)" + std::string(zero) + "}"));
  }
  for (std::string_view more :
       {"", R"(,"temperature":0.1)", R"(,"temperature":1)", R"(,"temperature":"0")",
        R"(,"temperature":null)", R"(,"temperature":0,"stream":true)",
        R"(,"temperature":0,"tools":[{"type":"function","function":{"name":"f"}}])"}) {
    CAPTURE(more);
    CHECK_FALSE(suits("{" + messages + std::string(more) + "}"));
  }
}

TEST_CASE("a question is the route, the model, the cap and the body, byte for byte") {
  World world;
  world.keep("body", "answer");
  CHECK(world.find("body") == "answer");
  CHECK(world.find("body ") == "-");
  CHECK(world.find("body", {}, "other") == "-");
  world.config.max_tokens_limit += 1;
  CHECK(world.find("body") == "-");
}

TEST_CASE("what a caller forbids is not done") {
  World world;
  CHECK_FALSE(world.question("body", "no-store"));
  world.keep("body", "answer");
  CHECK(world.find("body", "no-cache") == "-");
  world.clock.advance(60s);
  CHECK(world.find("body", "max-age=59") == "-");
  CHECK(world.find("body", "max-age=3600") == "answer");
}

TEST_CASE("an answer is good as long as it is said to be") {
  World world;
  world.config.cache_age = 100s;
  world.keep("body", "answer");
  world.clock.advance(99s);
  CHECK(world.find("body") == "answer");
  world.clock.advance(2s);
  CHECK(world.find("body") == "-");
}

TEST_CASE("nobody signed in has no questions, and hits and misses are counted") {
  World nobody(ChatWorld::SignIn::none);
  CHECK_FALSE(nobody.question("body"));

  World world;
  CHECK(world.find("body") == "-");
  world.keep("body", "answer");
  CHECK(world.find("body") == "answer");
  CHECK(world.cache.hits() == 1);
  CHECK(world.cache.misses() == 1);
}
