// Who answers a legacy completion, prompt by prompt, and what it refuses.
#include "server/chat/completion_service.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/support/chat_world.h"

using namespace jumpseat;

namespace {

constexpr char const* chat_route = "/chat/completions";
constexpr char const* engine_route = "/v1/engines/gpt-41-copilot/completions";

std::string chat_answer(std::string_view text) {
  return R"({"id":"c","created":5,"model":"up","choices":[{"index":0,"finish_reason":"stop",)"
         R"("message":{"role":"assistant","content":")" +
         std::string(text) +
         R"("}}],"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5}})";
}

struct World : ChatWorld {
  ChatService chat{background, catalog, copilot, clock, config};
  CompletionService service{background, catalog, copilot, chat, clock, config};
  std::string chosen;

  // The whole answer, or the error's name and message.
  std::string ask(std::string body) {
    auto request = CompletionRequest::parse(std::move(body));
    REQUIRE(request);
    auto stream = run(io, service.start(std::move(*request), &chosen));
    if (!stream) return said(stream.error());
    CompletionAssembler whole;
    while (true) {
      auto chunks = run(io, (*stream)->next());
      if (!chunks) return said(chunks.error());
      if ((*chunks)->empty()) break;
      for (auto const& chunk : **chunks) whole.add(chunk);
    }
    return whole.completion();
  }
  static std::string said(Error const& error) {
    return std::string(error.name()) + ": " + error.message();
  }
};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("each prompt is a request of its own, one after the other, and usage is summed") {
  World world;
  world.models({chat_model("gpt-4.1")});
  world.github.answer(chat_route, 200, chat_answer("one"));
  world.github.then(chat_route, 200, chat_answer("two"));
  auto const answer = world.ask(R"({"model":"gpt-4.1","prompt":["a","b"]})");
  CHECK(world.github.count(chat_route) == 2);
  CHECK(has(answer, R"("text":"one")"));
  CHECK(has(answer, R"("text":"two")"));
  CHECK(has(answer, R"("total_tokens":10)"));
  CHECK(world.chosen == "gpt-4.1");
}

TEST_CASE("a prompt that fails ends the answer and says which one it was") {
  World world;
  world.models({chat_model("gpt-4.1")});
  world.github.answer(chat_route, 200, chat_answer("one"));
  world.github.then(chat_route, 500, "no");
  auto const answer = world.ask(R"({"model":"gpt-4.1","prompt":["a","b","c"]})");
  CHECK(has(answer, "upstream_failed: Prompt 2 failed"));
  CHECK(world.github.count(chat_route) == 2);
}

TEST_CASE("a suffix goes to an engine of the list, else to the usual one") {
  World world;
  world.models({chat_model("gpt-4.1")});
  world.github.answer(engine_route, 404, "no");
  CHECK_FALSE(has(world.ask(R"({"model":"gpt-4.1","prompt":"a","suffix":""})"), "choices"));
  CHECK(world.github.count(engine_route) == 1);
  CHECK(world.chosen == "gpt-41-copilot");
  CHECK(world.github.count(chat_route) == 0);

  World other;
  other.models({chat_model("gpt-4.1"), engine_model("own-engine")});
  other.ask(R"({"model":"gpt-4.1","prompt":"a","suffix":"b"})");
  CHECK(other.github.count("/v1/engines/own-engine/completions") == 1);
  CHECK(other.chosen == "own-engine");
}

TEST_CASE(
    "an unknown model is refused, and nothing is sent; a failure tells the model all the same") {
  World world;
  world.models({chat_model("gpt-4.1")});
  CHECK(has(world.ask(R"({"model":"nobody","prompt":"a"})"), "model_not_found"));
  CHECK(world.chosen.empty());
  CHECK(world.github.count(chat_route) == 0);
  world.github.answer(chat_route, 500, "no");
  CHECK(has(world.ask(R"({"model":"gpt-4.1","prompt":"a"})"), "upstream_failed"));
  CHECK(world.chosen == "gpt-4.1");
}
