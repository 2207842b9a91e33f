#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "protocol/upstream.h"

namespace jumpseat {
namespace {

ModelList list_of(std::string_view entries) {
  auto const list = read_models(R"({"object":"list","data":[)" + std::string(entries) + "]}");
  if (!list) FAIL(list.error().message());
  return *list;
}

constexpr std::string_view full =
    R"({"id":"gpt-x","object":"model","name":"GPT-X","vendor":"Azure OpenAI","version":"gpt-x-2026-05-01","preview":true,
  "is_chat_default":true,"is_chat_fallback":false,"model_picker_enabled":true,
  "billing":{"is_premium":true,"multiplier":0.33,"restricted_to":["pro"]},"policy":{"state":"enabled","terms":"t"},
  "supported_endpoints":["/chat/completions","/responses","ws:/responses"],
  "capabilities":{"type":"chat","family":"gpt-x","tokenizer":"o200k_base",
    "limits":{"max_context_window_tokens":264000,"max_prompt_tokens":128000,"max_output_tokens":64000,"max_non_streaming_output_tokens":16000,"vision":{"max_prompt_images":1}},
    "supports":{"streaming":true,"tool_calls":true,"parallel_tool_calls":true,"vision":true,"structured_outputs":true,"reasoning_effort":["low","high"]}}})";

TEST_CASE("a model says what it is and can do") {
  auto const list = list_of(full);
  REQUIRE(list.models.size() == 1);
  Model const& model = list.models.front();
  CHECK(model.id == "gpt-x");
  CHECK(model.name == "GPT-X");
  CHECK(model.vendor == "Azure OpenAI");
  CHECK(model.family == "gpt-x");
  CHECK(model.type == "chat");
  CHECK(model.preview);
  CHECK(model.picker);
  CHECK(model.chat_default);
  CHECK_FALSE(model.chat_fallback);
  CHECK(model.policy == "enabled");
  CHECK(model.usable());
  CHECK(model.serves("/responses"));
  CHECK_FALSE(model.serves("/v1/messages"));
  CHECK(model.max_context == 264000);
  CHECK(model.max_prompt == 128000);
  CHECK(model.max_output == 64000);
  CHECK(model.max_non_streaming_output == 16000);
  CHECK_FALSE(model.max_inputs.has_value());
  CHECK(model.streaming);
  CHECK(model.tool_calls);
  CHECK(model.parallel_tool_calls);
  CHECK(model.vision);
  CHECK(model.structured_outputs);
  CHECK(model.reasoning_effort == std::vector<std::string>{"low", "high"});
  CHECK(model.multiplier == 0.33);
  CHECK(model.premium);
  CHECK(model.raw.at("version") == "gpt-x-2026-05-01");
}

TEST_CASE("an entry that says little is used with defaults") {
  auto const list = list_of(R"({"id":"old"})");
  REQUIRE(list.models.size() == 1);
  Model const& model = list.models.front();
  CHECK(model.name == "old");
  CHECK(model.type == "chat");
  CHECK(model.streaming);
  CHECK_FALSE(model.tool_calls);
  CHECK(model.usable());
  CHECK(model.endpoints == std::vector<std::string>{"/chat/completions"});
  CHECK_FALSE(model.multiplier.has_value());
}

TEST_CASE("an entry without endpoints is served where its type is") {
  auto const list = list_of(
      R"({"id":"e","capabilities":{"type":"embeddings","limits":{"max_inputs":512},"supports":{"dimensions":true}}},
         {"id":"c","capabilities":{"type":"completion"}},{"id":"n","supported_endpoints":[]})");
  REQUIRE(list.models.size() == 3);
  CHECK(list.models[0].serves("/embeddings"));
  CHECK_FALSE(list.models[0].serves("/chat/completions"));
  CHECK(list.models[0].max_inputs == 512);
  CHECK_FALSE(list.models[0].streaming);
  CHECK_FALSE(list.models[1].serves("/chat/completions"));
  CHECK(list.models[2].serves("/chat/completions"));
}

TEST_CASE("token prices instead of a multiplier, and disabled policies, are understood") {
  auto const list = list_of(
      R"({"id":"a","billing":{"token_prices":{"batch_size":1000,"input_price":3}}},{"id":"b","policy":{"state":"disabled"}},{"id":"c","policy":{"state":"unconfigured"}},{"id":"d","policy":null})");
  REQUIRE(list.models.size() == 4);
  CHECK_FALSE(list.models[0].multiplier.has_value());
  CHECK_FALSE(list.models[0].premium);
  CHECK_FALSE(list.models[1].usable());
  CHECK(list.models[2].usable());
  CHECK(list.models[3].usable());
}

TEST_CASE("U29: a bad entry is dropped, the others stay") {
  auto const list = list_of(
      std::string(full) +
      R"(,null,7,"text",[],{},{"id":7},{"id":""},{"id":"two words"},{"id":"a\nb"},{"id":"x","capabilities":"none"},
      {"id":"y","supported_endpoints":"/chat/completions"},{"id":"z","billing":3},{"id":"w","policy":"enabled"},{"id":"last"})");
  REQUIRE(list.models.size() == 2);
  CHECK(list.models[1].id == "last");
  CHECK(list.dropped == 13);
}

TEST_CASE("U29: odd values inside an entry are passed over") {
  auto const list = list_of(
      R"({"id":"a","name":7,"vendor":null,"preview":"yes","capabilities":{"type":3,"limits":{"max_output_tokens":"many","max_prompt_tokens":-1,"max_context_window_tokens":1.5},"supports":[]},"supported_endpoints":["/responses",5,""],"billing":{"multiplier":"1x"}})");
  REQUIRE(list.models.size() == 1);
  Model const& model = list.models.front();
  CHECK(model.name == "a");
  CHECK(model.type == "chat");
  CHECK_FALSE(model.max_output.has_value());
  CHECK_FALSE(model.max_prompt.has_value());
  CHECK_FALSE(model.max_context.has_value());
  CHECK(model.streaming);
  CHECK(model.endpoints == std::vector<std::string>{"/responses"});
  CHECK(list.dropped == 0);
}

TEST_CASE("U29: of several entries with one id the first counts") {
  auto const list = list_of(R"({"id":"a","name":"first"},{"id":"b"},{"id":"a","name":"second"})");
  REQUIRE(list.models.size() == 2);
  CHECK(list.models[0].name == "first");
  CHECK(list.dropped == 0);
}

TEST_CASE("U29: an empty list is a list, and so is a bare array") {
  CHECK(list_of("").models.empty());
  auto const bare = read_models(R"([{"id":"a"}])");
  REQUIRE(bare.has_value());
  CHECK(bare->models.size() == 1);
}

TEST_CASE("U29: a list of 2 MB is read whole") {
  std::string entries;
  std::size_t count = 0;
  for (; entries.size() < 2'000'000; ++count) {
    if (count > 0) entries += ",";
    std::string entry(full);
    entry.replace(entry.find("gpt-x"), 5, "model-" + std::to_string(count));
    entries += entry;
  }
  CHECK(list_of(entries).models.size() == count);
}

TEST_CASE("a body that is no list is an error") {
  for (std::string_view body : {"", "not json", "{}", R"({"data":{}})", R"({"models":[]})", "7"}) {
    auto const list = read_models(body);
    REQUIRE_FALSE(list.has_value());
    CHECK(list.error().code() == ErrorCode::bad_upstream_json);
  }
}

TEST_CASE("the answer's status and type are looked at first") {
  HeaderView const headers = {{"content-type", "application/json"},
                              {"date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                              {"retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"}};
  CHECK(read_models(200, headers, R"({"data":[{"id":"a"}]})").has_value());

  auto const limited = read_models(429, headers, "slow down");
  REQUIRE_FALSE(limited.has_value());
  CHECK(limited.error().code() == ErrorCode::rate_limited);
  CHECK(limited.error().retry_after() == std::chrono::seconds(10));

  auto const page = read_models(200, {{"content-type", "text/html"}}, "<html>");
  REQUIRE_FALSE(page.has_value());
  CHECK(page.error().code() == ErrorCode::not_copilot);

  auto const stale = read_models(401, headers, "unauthorized: token expired");
  REQUIRE_FALSE(stale.has_value());
  CHECK(stale.error().code() == ErrorCode::token_rejected);
}

}  // namespace
}  // namespace jumpseat
