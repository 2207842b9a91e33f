// Which model makes the vectors, how a request is cut into batches, and what a bad batch costs.
#include "server/chat/embeddings_service.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/support/chat_world.h"

using namespace jumpseat;

namespace {

constexpr char const* route = "/embeddings";

// Upstream's answer for a batch: a vector of one number for each input.
std::string vectors(std::initializer_list<int> numbers, int tokens = 1) {
  std::string body = R"({"data":[)";
  int index = 0;
  for (int const number : numbers) {
    body += (index > 0 ? "," : "") + (R"({"index":)" + std::to_string(index)) +
            R"(,"embedding":[)" + std::to_string(number) + "]}";
    ++index;
  }
  return body + R"(],"usage":{"prompt_tokens":)" + std::to_string(tokens) + R"(,"total_tokens":)" +
         std::to_string(tokens) + "}}";
}

struct World : ChatWorld {
  EmbeddingsService service{catalog, copilot};

  // The whole answer, or the error's name and message.
  std::string ask(std::string body) {
    auto request = EmbeddingsRequest::parse(std::move(body));
    REQUIRE(request);
    auto model = run(io, service.model_for(*request));
    if (!model) return said(model.error());
    auto reply = run(io, service.answer(std::move(*request), *model));
    return reply ? reply->body : said(reply.error());
  }
  static std::string said(Error const& error) {
    return std::string(error.name()) + ": " + error.message();
  }
};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("a request larger than the model takes is cut into batches, and joined in order") {
  World world;
  world.models({chat_model("gpt-4.1"), embeddings_model("e", 2)});
  world.github.answer(route, 200, vectors({1, 2}, 5));
  world.github.then(route, 200, vectors({3, 4}, 6));
  world.github.then(route, 200, vectors({5}, 7));
  auto const answer = world.ask(R"({"model":"e","input":["a","b","c","d","e"]})");
  CHECK(world.github.count(route) == 3);
  CHECK(has(world.github.last(route), R"("input":["e"])"));
  for (int i = 0; i < 5; ++i) {
    auto const item =
        R"("index":)" + std::to_string(i) + R"(,"embedding":[)" + std::to_string(i + 1) + "]";
    CHECK(has(answer, item));
  }
  CHECK(has(answer, R"("usage":{"prompt_tokens":18,"total_tokens":18})"));
}

TEST_CASE("as many as the model takes are one batch, and one text is a list of one") {
  World world;
  world.models({embeddings_model("e", 2)});
  world.github.answer(route, 200, vectors({1, 2}));
  CHECK(has(world.ask(R"({"model":"e","input":["a","b"]})"), R"("index":1)"));
  CHECK(world.github.count(route) == 1);
  world.github.answer(route, 200, vectors({1}));
  CHECK(has(world.ask(R"({"model":"e","input":"a"})"), R"("model":"e")"));
  CHECK(has(world.github.last(route), R"("input":["a"])"));
}

TEST_CASE("a batch that fails fails the request, and no further one is sent") {
  World world;
  world.models({embeddings_model("e", 1)});
  world.github.answer(route, 200, vectors({1}));
  world.github.then(route, 500, "no");
  auto const answer = world.ask(R"({"model":"e","input":["a","b","c"]})");
  CHECK(has(answer, "upstream_failed"));
  CHECK(world.github.count(route) == 2);
}

TEST_CASE("an answer with too few vectors is an error and never guessed") {
  World world;
  world.models({embeddings_model("e", 8)});
  world.github.answer(route, 200, vectors({1}));
  CHECK(has(world.ask(R"({"model":"e","input":["a","b"]})"), "bad_upstream_json"));
}

TEST_CASE("the model is the one that is named, else the first that makes embeddings") {
  World world;
  world.models({chat_model("gpt-4.1"), embeddings_model("e1", 2), embeddings_model("e2", 2)});
  world.github.answer(route, 200, vectors({1}));
  CHECK(has(world.ask(R"({"input":"a"})"), R"("model":"e1")"));
  CHECK(has(world.ask(R"({"model":"e2","input":"a"})"), R"("model":"e2")"));
  auto const chat = world.ask(R"({"model":"gpt-4.1","input":"a"})");
  CHECK(has(chat, "unsupported_api_for_model"));
  CHECK(has(chat, "e1, e2"));
  CHECK(has(world.ask(R"({"model":"nobody","input":"a"})"), "model_not_found"));
  CHECK(world.github.count(route) == 2);
}

TEST_CASE("without a model that makes embeddings the answer says so") {
  World world;
  world.models({chat_model("gpt-4.1")});
  CHECK(has(world.ask(R"({"input":"a"})"), "has none that makes embeddings"));
  CHECK(has(world.ask(R"({"model":"gpt-4.1","input":"a"})"), "has none that does"));
  CHECK(world.github.count(route) == 0);
}
