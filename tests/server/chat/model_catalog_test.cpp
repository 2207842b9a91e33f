// ModelCatalog against a scripted Copilot on loopback, by a clock that the test moves.

#include "server/chat/model_catalog.h"

#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "protocol/json.h"
#include "server/base/log.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "tests/support/scripted_github.h"
#include "tests/support/stop.h"

namespace jumpseat {
namespace {

using namespace std::chrono_literals;

std::string list_of(std::initializer_list<std::string_view> ids) {
  std::string body = R"({"object":"list","data":[)";
  for (auto const id : ids) {
    if (!body.ends_with('[')) body += ",";
    body.append(R"({"id":")").append(id).append(R"(","name":"A model","vendor":"OpenAI",)");
    body += R"("model_picker_enabled":true,"capabilities":{"type":"chat","family":"f"}})";
  }
  return body + "]}";
}

json::object models_list(Catalog const& catalog, std::int64_t now_unix) {
  auto const parsed = parse_json(models_text(catalog, now_unix));
  REQUIRE(parsed);
  return parsed->as_object();
}

// GitHub, the database and the clock, with somebody signed in; they outlive a process.
struct Machine {
  ScriptedGitHub github;
  FakeClock clock;
  Stores stores{":memory:"};

  Machine() {
    log::set_stderr_level(log::Level::error);
    Account account;
    account.issuer = github.issuer().origin;
    account.name = std::string(default_account);
    account.github_token = Secret("gho_Zm9v8QxT4nB7kLw2Rd6Hs1Yc5Jp3Vg0aUeN0");
    REQUIRE(stores.accounts().save(std::move(account)));
    upstream_has({"gpt-4.1", "gpt-5-mini"});
  }
  void upstream_has(std::initializer_list<std::string_view> ids, std::string const& etag = {}) {
    // The token too: it must not be what expires in these tests.
    github.grant("tid=one;exp=1", clock.unix_seconds());
    github.answer("/models", 200, list_of(ids), etag.empty() ? "" : "ETag: " + etag + "\r\n");
  }
  std::size_t fetches() const { return github.count("/models"); }
};

struct Process {
  Machine& machine;
  Config config;
  asio::io_context io{1};
  Scope background{io};
  HttpClient http{io, HttpSettings()};
  GitHubApi api{http, config.issuer, config.identity, 0};
  TokenSources sources;
  TokenService tokens{{io, background, api, sources, machine.stores, machine.clock, config}};
  Throttle throttle{io, machine.clock, config};
  CopilotApi copilot{http, tokens, throttle, machine.clock, config};
  ModelCatalog catalog{io, background, copilot, tokens, machine.stores, machine.clock, config};

  explicit Process(Machine& on) : machine(on), config(config_for(on)) {
    sources.add(std::make_unique<SavedSignIn>(on.stores, config));
  }
  ~Process() {
    run(io, stop(background));
    http.close();
  }
  static Config config_for(Machine const& machine) {
    Config config;
    config.issuer = machine.github.issuer();
    config.max_retries = 0;
    return config;
  }

  // "id id id" of the list at hand, or the error's name.
  std::string ids() { return text(run(io, catalog.list())); }
  std::string fresh_ids() { return text(run(io, catalog.refresh())); }
  std::string resolve(std::string const& name) {
    auto model = run(io, catalog.resolve(name));
    return model ? (*model)->id : "error " + std::string(model.error().name());
  }
  void finish_background() {
    run_until(io, [this] { return background.empty(); });
  }
  static std::string text(Result<ModelCatalog::List> const& list) {
    if (!list) return "error " + std::string(list.error().name());
    std::string out;
    for (auto const& model : (*list)->models) {
      if (!out.empty()) out += " ";
      out += model.id;
    }
    return out;
  }
};

TEST_CASE("the list comes from upstream once, then from memory") {
  Machine machine;
  Process process(machine);
  CHECK(process.ids() == "gpt-4.1 gpt-5-mini");
  machine.clock.advance(9min);
  CHECK(process.ids() == "gpt-4.1 gpt-5-mini");
  CHECK(process.background.empty());
  CHECK(machine.fetches() == 1);
}

TEST_CASE("the next process has the list from the database") {
  Machine machine;
  {
    Process first(machine);
    first.ids();
  }
  machine.clock.advance(5min);
  Process second(machine);
  CHECK(second.ids() == "gpt-4.1 gpt-5-mini");
  CHECK(second.background.empty());
  CHECK(machine.fetches() == 1);

  // Its age counts from the fetch, not from the start of the process.
  machine.clock.advance(5min);
  machine.upstream_has({"gpt-6"});
  CHECK(second.ids() == "gpt-4.1 gpt-5-mini");
  second.finish_background();
  CHECK(second.ids() == "gpt-6");
}

TEST_CASE("a stale list is served while the new one is fetched, once") {
  Machine machine;
  Process process(machine);
  process.ids();
  machine.clock.advance(10min);
  machine.upstream_has({"gpt-6"});
  machine.github.hold_answers();
  for (int i = 0; i < 5; ++i) CHECK(process.ids() == "gpt-4.1 gpt-5-mini");
  CHECK(process.background.size() == 1);
  machine.github.go_on();
  process.finish_background();
  CHECK(process.ids() == "gpt-6");
  CHECK(machine.fetches() == 2);
}

TEST_CASE("U29: a fetch that fails keeps the old list with its age") {
  Machine machine;
  Process process(machine);
  process.ids();
  auto const fetched_at = machine.clock.unix_seconds();
  machine.clock.advance(15min);
  SECTION("5xx") { machine.github.answer("/models", 503, "{}"); }
  SECTION("not JSON") { machine.github.answer("/models", 200, "<html>"); }
  SECTION("no list") { machine.github.answer("/models", 200, R"({"data":7})"); }
  SECTION("an empty list") { machine.github.answer("/models", 200, R"({"data":[]})"); }
  CHECK(process.ids() == "gpt-4.1 gpt-5-mini");
  process.finish_background();
  CHECK(process.ids() == "gpt-4.1 gpt-5-mini");
  process.finish_background();
  auto list = run(process.io, process.catalog.list());
  REQUIRE(list);
  CHECK((*list)->fetched_at == fetched_at);
  auto const out = models_list(**list, machine.clock.unix_seconds());
  CHECK(out.at("age_seconds") == 900);
  // Nor does what is wrong reach the database.
  Process next(machine);
  CHECK(next.ids() == "gpt-4.1 gpt-5-mini");
}

TEST_CASE("without any list the error is what upstream said") {
  Machine machine;
  machine.github.answer("/models", 503, "{}");
  Process process(machine);
  auto list = run(process.io, process.catalog.list());
  REQUIRE_FALSE(list);
  CHECK(list.error().code() == ErrorCode::upstream_failed);
  machine.upstream_has({"gpt-6"});
  CHECK(process.ids() == "gpt-6");
}

TEST_CASE("an unchanged list costs no body: 304 makes it fresh again") {
  Machine machine;
  machine.upstream_has({"gpt-4.1"}, "W/\"v1\"");
  Process process(machine);
  process.ids();
  machine.clock.advance(11min);
  machine.github.answer("/models", 304, "");
  process.ids();
  process.finish_background();
  CHECK(machine.fetches() == 2);
  CHECK(machine.github.last("/models").find("If-None-Match: W/\"v1\"\r\n") != std::string::npos);
  CHECK(process.ids() == "gpt-4.1");
  CHECK(process.background.empty());  // fresh
}

TEST_CASE("the list of a 304 is fresh for the next process too") {
  Machine machine;
  machine.upstream_has({"gpt-4.1"}, "\"v1\"");
  Process process(machine);
  process.ids();
  machine.clock.advance(11min);
  machine.github.answer("/models", 304, "");
  process.ids();
  process.finish_background();
  Process next(machine);
  CHECK(next.ids() == "gpt-4.1");
  CHECK(next.background.empty());
  CHECK(machine.fetches() == 2);
}

TEST_CASE("U25: a clock that jumps costs at most one more fetch") {
  auto const jump = GENERATE(std::chrono::seconds(-1h), std::chrono::seconds(1h));
  CAPTURE(jump.count());
  Machine machine;
  Process process(machine);
  process.ids();
  machine.clock.jump(jump);
  machine.upstream_has({"gpt-4.1", "gpt-5-mini"});
  for (int minute = 0; minute < 5; ++minute) {
    process.ids();
    process.finish_background();
    machine.clock.advance(1min);
  }
  CHECK(machine.fetches() <= 2);
}

TEST_CASE("a name that the list does not know is looked up in a fresh one, once a minute") {
  Machine machine;
  Process process(machine);
  CHECK(process.resolve("gpt-4.1") == "gpt-4.1");
  // The list is of this very moment.
  CHECK(process.resolve("gpt-6") == "error model_not_found");
  CHECK(machine.fetches() == 1);

  machine.clock.advance(60s);
  CHECK(process.resolve("gpt-6") == "error model_not_found");
  CHECK(machine.fetches() == 2);
  for (int i = 0; i < 5; ++i) CHECK(process.resolve("gpt-6") == "error model_not_found");
  CHECK(machine.fetches() == 2);

  machine.clock.advance(60s);
  machine.upstream_has({"gpt-4.1", "gpt-6"});
  CHECK(process.resolve("gpt-6") == "gpt-6");
  CHECK(process.resolve("gpt-6") == "gpt-6");
  CHECK(machine.fetches() == 3);
}

TEST_CASE("an unknown name while upstream is down: the answer is no, and the list stays") {
  Machine machine;
  Process process(machine);
  process.ids();
  machine.clock.advance(2min);
  machine.github.answer("/models", 503, "{}");
  CHECK(process.resolve("gpt-6") == "error model_not_found");
  CHECK(process.resolve("gpt-4.1") == "gpt-4.1");
}

TEST_CASE("forget(): a list of the old account that comes late is dropped") {
  Machine machine;
  Process process(machine);
  process.ids();
  machine.clock.advance(11min);
  machine.github.hold_answers();
  process.ids();
  run_until(process.io, [&] { return machine.fetches() == 2; });
  process.catalog.forget();
  machine.upstream_has({"of-the-old-account"});
  machine.github.go_on();
  process.finish_background();
  auto const list = machine.stores.models().find(1, process.config.identity.integration_id);
  REQUIRE(list);
  REQUIRE(list->has_value());
  CHECK((*list)->body.find("of-the-old-account") == std::string::npos);
  CHECK(process.ids() == "gpt-4.1 gpt-5-mini");
}

TEST_CASE("models_text() is OpenAI's list, without what a policy forbids") {
  Catalog catalog;
  catalog.fetched_at = 1'790'000'000;
  Model model;
  model.id = "gpt-4.1";
  model.vendor = "Azure OpenAI";
  model.max_prompt = 128'000;
  model.vision = true;
  catalog.models.push_back(model);
  model.id = "forbidden";
  model.policy = "disabled";
  catalog.models.push_back(model);
  auto const out = models_list(catalog, 1'790'000'090);
  CHECK(out.at("object") == "list");
  CHECK(out.at("age_seconds") == 90);
  auto const& data = out.at("data").as_array();
  REQUIRE(data.size() == 1);
  auto const& first = data[0].as_object();
  CHECK(first.at("id") == "gpt-4.1");
  CHECK(first.at("object") == "model");
  CHECK(first.at("owned_by") == "Azure OpenAI");
  CHECK(first.at("limits").as_object().at("max_prompt_tokens") == 128'000);
  CHECK_FALSE(first.at("limits").as_object().contains("max_output_tokens"));
  CHECK(first.at("supports").as_object().at("vision") == true);
  // A clock that was set back does not make a list younger than now.
  CHECK(models_list(catalog, 1'780'000'000).at("age_seconds") == 0);
}

}  // namespace
}  // namespace jumpseat
