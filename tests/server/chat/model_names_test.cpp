#include "server/chat/model_names.h"

#include <catch2/catch.hpp>

#include "server/chat/chat_service.h"

namespace jumpseat {
namespace {

Model chat_model(std::string id) {
  Model model;
  model.id = std::move(id);
  model.endpoints = {"/chat/completions"};
  return model;
}

std::vector<Model> live_list() {
  std::vector<Model> models;
  for (auto const* id :
       {"gpt-4o", "gpt-4.1", "gpt-5-mini", "gpt-4o-mini", "gpt-5", "claude-sonnet-4.5",
        "claude-sonnet-4", "claude-opus-4.1", "gemini-2.5-pro"}) {
    models.push_back(chat_model(id));
  }
  auto embedding = chat_model("text-embedding-3-small");
  embedding.type = "embeddings";
  models.push_back(embedding);
  return models;
}

std::string resolved(std::string_view asked, std::vector<Model> const& models = live_list(),
                     std::map<std::string, std::string> const& map = {}) {
  auto model = resolve_model(asked, models, map);
  return model ? (*model)->id : model.error().message();
}

TEST_CASE("names go where the table says") {
  struct Row {
    char const* asked;
    char const* id;
  };
  for (auto const& row : {Row{"gpt-4", "gpt-4.1"},
                          {"copilot-gpt-4", "gpt-4.1"},
                          {"github/copilot-gpt-4", "gpt-4.1"},
                          {"github_copilot/copilot-gpt-4", "gpt-4.1"},
                          {"copilot/gpt-4", "gpt-4.1"},
                          {"gpt-3.5-turbo", "gpt-5-mini"},
                          {"copilot-gpt-3.5-turbo", "gpt-5-mini"},
                          {"github/copilot-gpt-3.5-turbo", "gpt-5-mini"},
                          {"github_copilot/gpt-4o", "gpt-4o"},
                          {"github/gpt-5", "gpt-5"},
                          {"copilot/gemini-2.5-pro", "gemini-2.5-pro"},
                          {"gpt-5", "gpt-5"},
                          {"GPT-5", "gpt-5"},
                          {"text-embedding-3-small", "text-embedding-3-small"},
                          {"claude-sonnet-4-5-20250929", "claude-sonnet-4.5"},
                          {"claude-sonnet-4-5", "claude-sonnet-4.5"},
                          {"claude-sonnet-4-20250514", "claude-sonnet-4"},
                          {"claude-opus-4-1-20250805", "claude-opus-4.1"},
                          {"github_copilot/claude-sonnet-4-5-20250929", "claude-sonnet-4.5"},
                          {"claude-sonnet-4.5", "claude-sonnet-4.5"}}) {
    INFO(row.asked);
    CHECK(resolved(row.asked) == row.id);
  }
}

TEST_CASE("Copilot's spelling of Claude names") {
  CHECK(copilot_spelling("claude-3-5-sonnet-20241022") == "claude-3.5-sonnet");
  CHECK(copilot_spelling("claude-haiku-4-5-latest") == "claude-haiku-4.5");
  CHECK(copilot_spelling("claude-sonnet-4") == "claude-sonnet-4");
  CHECK(copilot_spelling("gpt-4-1-20250101") == "gpt-4-1-20250101");
  CHECK(copilot_spelling("claude-") == "claude-");
}

TEST_CASE("a mapped name goes to its target, whatever else it might mean") {
  std::map<std::string, std::string> const map{
      {"GPT_4", "gpt-5"}, {"MY_MODEL_1_0", "github_copilot/gpt-4o"}, {"BAD", "gone"}};
  CHECK(resolved("gpt-4", live_list(), map) == "gpt-5");
  CHECK(resolved("my-model-1.0", live_list(), map) == "gpt-4o");
  CHECK(resolved("github_copilot/my-model-1.0", live_list(), map) == "gpt-4o");
  auto const message = resolved("bad", live_list(), map);
  CHECK(message.find("GITHUB_COPILOT_BAD_MODEL") != std::string::npos);
  CHECK(message.find("Model 'gone' not found") != std::string::npos);
}

TEST_CASE("an unknown name is an error with the nearest ones, never another model") {
  auto const message = resolved("gpt-4oo");
  CHECK(message.rfind("Model 'gpt-4oo' not found", 0) == 0);
  CHECK(message.find("gpt-4o") != std::string::npos);
  auto model = resolve_model("gpt-4oo", live_list(), {});
  CHECK(model.error().code() == ErrorCode::model_not_found);
  CHECK(resolve_model("", {}, {}).has_error());
  CHECK(resolved(std::string(100'000, 'x')).size() < 1000);
}

TEST_CASE("gpt-4 and gpt-3.5-turbo pass over what is switched off or does not chat") {
  auto models = live_list();
  for (auto& model : models) {
    if (model.id == "gpt-4.1") model.policy = "disabled";
    if (model.id == "gpt-5-mini") model.endpoints = {"/responses"};
  }
  CHECK(resolved("gpt-4", models) == "gpt-4o");
  CHECK(resolved("gpt-3.5-turbo", models) == "gpt-4o-mini");
}

TEST_CASE("a list that has moved on still has a model for the two product names") {
  std::vector<Model> models{chat_model("gpt-9-mini"), chat_model("gpt-8"), chat_model("gpt-9")};
  models[2].chat_default = true;
  CHECK(resolved("copilot-gpt-4", models) == "gpt-9");
  CHECK(resolved("gpt-3.5-turbo", models) == "gpt-9-mini");
  CHECK(resolved("gpt-4", {chat_model("claude-sonnet-4")}).rfind("Model 'gpt-4' not found", 0) ==
        0);
}

TEST_CASE("the cap's spelling follows the model") {
  CHECK(token_cap_spelling(chat_model("gpt-4.1")) == TokenCapSpelling::max_tokens);
  CHECK(token_cap_spelling(chat_model("claude-sonnet-4.5")) == TokenCapSpelling::max_tokens);
  CHECK(token_cap_spelling(chat_model("gpt-5-mini")) == TokenCapSpelling::max_completion_tokens);
  CHECK(token_cap_spelling(chat_model("o3-mini")) == TokenCapSpelling::max_completion_tokens);
  CHECK(token_cap_spelling(chat_model("oswe-preview")) == TokenCapSpelling::max_tokens);
}

}  // namespace
}  // namespace jumpseat
