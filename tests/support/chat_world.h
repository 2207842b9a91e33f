// Everything from the catalogue down to HTTP, signed in, before a scripted GitHub: what tests of
// the services above it start from.
//
//   ChatWorld world;
//   world.models({chat_model("gpt-4.1"), embeddings_model("e", 2)});
//   world.github.answer("/embeddings", 200, "…");
#pragma once

#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "server/base/log.h"
#include "server/chat/model_catalog.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "tests/support/scripted_github.h"
#include "tests/support/stop.h"

namespace jumpseat {

// Entries of GET /models.
inline std::string chat_model(std::string_view id) {
  return R"({"id":")" + std::string(id) +
         R"(","name":"A model","vendor":"OpenAI","model_picker_enabled":true,)"
         R"("capabilities":{"type":"chat","family":"f","supports":{"streaming":true}}})";
}
inline std::string engine_model(std::string_view id) {
  return R"({"id":")" + std::string(id) +
         R"(","name":"An engine","vendor":"OpenAI","capabilities":{"type":"completion"}})";
}
inline std::string embeddings_model(std::string_view id, int max_inputs) {
  return R"({"id":")" + std::string(id) +
         R"(","name":"Vectors","vendor":"OpenAI","capabilities":{"type":"embeddings","limits":)"
         R"({"max_inputs":)" +
         std::to_string(max_inputs) + "}}}";
}

struct ChatWorld {
  static constexpr char const* user_route = "/copilot_internal/user";

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
  ModelCatalog catalog{io, background, copilot, tokens, stores, clock, config};

  enum class SignIn { saved, none };
  explicit ChatWorld(SignIn sign_in = SignIn::saved) {
    log::set_stderr_level(log::Level::error);
    config.issuer = github.issuer();
    config.max_retries = 0;
    sources.add(std::make_unique<SavedSignIn>(stores, config));
    github.grant("tid=one;exp=1", clock.unix_seconds());
    if (sign_in == SignIn::none) return;
    Account account;
    account.issuer = config.issuer.origin;
    account.name = std::string(default_account);
    account.github_token = Secret("gho_Zm9v8QxT4nB7kLw2Rd6Hs1Yc5Jp3Vg0aUeN0");
    auto const saved = stores.accounts().save(std::move(account));
    if (!saved) throw std::runtime_error(saved.error().message());
  }
  ~ChatWorld() {
    run(io, stop(background));
    http.close();
  }
  ChatWorld(ChatWorld const&) = delete;
  ChatWorld& operator=(ChatWorld const&) = delete;

  void models(std::initializer_list<std::string> entries) {
    std::string body = R"({"object":"list","data":[)";
    for (auto const& entry : entries) body += (body.ends_with('[') ? "" : ",") + entry;
    github.answer("/models", 200, body + "]}");
  }
};

}  // namespace jumpseat
