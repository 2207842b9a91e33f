// CopilotApi against a scripted Copilot on loopback: what a call carries, and what a refusal costs.

#include "server/upstream/copilot_api.h"

#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "server/base/log.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "tests/support/scripted_github.h"
#include "tests/support/stop.h"

namespace jumpseat {
namespace {

using namespace std::chrono_literals;

constexpr char const* chat_route = "/chat/completions";

struct World {
  ScriptedGitHub github;
  FakeClock clock;
  Stores stores{":memory:"};
  Config config;
  asio::io_context io{1};
  Scope background{io};
  HttpClient http{io, HttpSettings()};
  GitHubApi api{http, config.issuer, config.identity, 0};
  TokenSources sources;
  TokenService tokens{{io, background, api, sources, stores, clock, config}};
  Throttle throttle{io, clock, config};
  CopilotApi copilot{http, tokens, throttle, clock, config};

  World() {
    log::set_stderr_level(log::Level::error);
    config.issuer = github.issuer();
    config.max_retries = 0;
    ExplicitToken given;
    given.key = "GITHUB_TOKEN";
    given.value = Secret("gho_Zm9v8QxT4nB7kLw2Rd6Hs1Yc5Jp3Vg0aUeN0");
    given.origin.kind = Origin::Kind::environment;
    config.tokens.push_back(std::move(given));
    sources.add(std::make_unique<ExplicitTokens>(config));
    std::string const tail = R"(","expires_at":1790001800,"refresh_in":1500})";
    github.answer(ScriptedGitHub::exchange_route, 200, R"({"token":"tid=one;exp=1)" + tail);
    github.then(ScriptedGitHub::exchange_route, 200, R"({"token":"tid=two;exp=2)" + tail);
  }
  ~World() {
    run(io, stop(background));
    http.close();
  }
  // The status that a chat ends with.
  int chat(Initiator initiator = Initiator::user) {
    ChatCall call;
    call.body = R"({"model":"gpt-4.1","messages":[]})";
    call.asked_model = "gpt-4.1";
    call.initiator = initiator;
    auto reply = run(io, copilot.chat(std::move(call)));
    return reply ? reply->stream.status() : reply.error().http_status();
  }
  std::string last_chat() const { return github.last(chat_route); }
  std::size_t chats() const { return github.count(chat_route); }
};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST_CASE("a chat carries its token, who we are and who asks") {
  World world;
  world.github.answer(chat_route, 200, "{}");
  CHECK(world.chat(Initiator::agent) == 200);
  auto const request = world.last_chat();
  CHECK(request.starts_with("POST /chat/completions HTTP/1.1\r\n"));
  CHECK(has(request, "Authorization: Bearer tid=one;exp=1\r\n"));
  auto const& identity = world.config.identity;
  CHECK(has(request, "\r\nCopilot-Integration-Id: " + identity.integration_id + "\r\n"));
  CHECK(has(request, "\r\nEditor-Version: " + identity.editor_version + "\r\n"));
  CHECK(has(request, "\r\nX-GitHub-Api-Version: " + identity.api_version + "\r\n"));
  CHECK(has(request, "\r\nX-Initiator: agent\r\n"));
  CHECK_FALSE(has(request, "Copilot-Vision-Request"));
  CHECK(
      request.ends_with("\r\n\r\n"
                        R"({"model":"gpt-4.1","messages":[]})"));
}

TEST_CASE("a 401 costs one exchange and one replay with the new token") {
  World world;
  world.github.answer(chat_route, 401, "unauthorized: token expired");
  world.github.then(chat_route, 200, "{}");
  CHECK(world.chat(Initiator::user) == 200);
  CHECK(world.chats() == 2);
  CHECK(world.github.exchanges() == 2);
  CHECK(has(world.last_chat(), "Authorization: Bearer tid=two;exp=2\r\n"));
  CHECK(has(world.last_chat(), "\r\nX-Initiator: user\r\n"));
  // From now on the new token is used at once.
  CHECK(world.chat() == 200);
  CHECK(world.chats() == 3);
  CHECK(world.github.exchanges() == 2);
}

TEST_CASE("a second 401 is passed on") {
  World world;
  world.github.answer(chat_route, 401, "unauthorized");
  CHECK(world.chat() == 401);
  CHECK(world.chats() == 2);
  CHECK(world.github.exchanges() == 2);
}

TEST_CASE("U13: a 403 that a new token does not cure costs no exchange for a minute") {
  World world;
  world.github.answer(chat_route, 403, R"({"error":{"message":"Not for you."}})");
  CHECK(world.chat() == 403);
  CHECK(world.chats() == 2);
  CHECK(world.github.exchanges() == 2);
  world.clock.advance(59s);
  for (int i = 0; i < 5; ++i) CHECK(world.chat() == 403);
  CHECK(world.chats() == 7);
  CHECK(world.github.exchanges() == 2);
  world.clock.advance(1s);
  CHECK(world.chat() == 403);
  CHECK(world.github.exchanges() == 3);
}

TEST_CASE("R1: a chat that upstream answered is not repeated") {
  auto const status = GENERATE(400, 402, 404, 422, 429, 500, 502, 503);
  CAPTURE(status);
  World world;
  world.github.answer(chat_route, status, R"({"error":{"message":"no"}})");
  CHECK(world.chat() >= 400);
  CHECK(world.chats() == 1);
  CHECK(world.github.exchanges() == 1);
}

TEST_CASE("the list of models: its etag travels, 304 says that it is still right") {
  World world;
  world.github.answer("/models", 200, R"({"data":[]})", "ETag: \"v1\"\r\n");
  auto first = run(world.io, world.copilot.models({}));
  REQUIRE(first);
  CHECK_FALSE(first->not_modified);
  CHECK(first->etag == "\"v1\"");
  CHECK(first->body == R"({"data":[]})");
  CHECK_FALSE(has(world.github.last("/models"), "If-None-Match"));
  world.github.answer("/models", 304, "");
  auto second = run(world.io, world.copilot.models(first->etag));
  REQUIRE(second);
  CHECK(second->not_modified);
  CHECK(has(world.github.last("/models"), "\r\nIf-None-Match: \"v1\"\r\n"));
}

TEST_CASE("the list of models: a 401 costs one exchange and one replay") {
  World world;
  world.github.answer("/models", 401, "unauthorized");
  world.github.then("/models", 200, R"({"data":[]})");
  auto reply = run(world.io, world.copilot.models({}));
  REQUIRE(reply);
  CHECK(reply->body == R"({"data":[]})");
  CHECK(world.github.exchanges() == 2);
  CHECK(has(world.github.last("/models"), "Authorization: Bearer tid=two;exp=2\r\n"));
}

}  // namespace
}  // namespace jumpseat
