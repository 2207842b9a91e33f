#include "protocol/chat_request.h"

#include <limits>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "protocol/scan.h"

namespace jumpseat {
namespace {

ChatRequest parsed(std::string body) {
  REQUIRE_FALSE(check_json(body).has_value());
  auto request = ChatRequest::parse(std::move(body));
  if (!request) FAIL(request.error().message());
  return std::move(*request);
}

// The message with which a body is refused.
std::string refusal(std::string body) {
  REQUIRE_FALSE(check_json(body).has_value());
  auto const request = ChatRequest::parse(std::move(body));
  if (request) return "accepted";
  CHECK(request.error().code() == ErrorCode::invalid_request);
  return request.error().message();
}

std::string body_with(std::string_view members,
                      std::string_view messages = R"([{"role":"user","content":"hi"}])") {
  std::string body = R"({"model":"m","messages":)";
  body.append(messages);
  if (!members.empty()) body.append(",").append(members);
  return body + "}";
}

bool names(std::string const& message, std::string_view member) {
  return message.find("`" + std::string(member) + "`") != std::string::npos;
}

using Upstream = ChatRequest::Upstream;

Upstream whole(std::string model = "m") {
  Upstream change;
  change.model = std::move(model);
  change.mode = Upstream::Mode::whole;
  return change;
}

Upstream streamed(std::string model = "m") {
  Upstream change;
  change.model = std::move(model);
  return change;
}

TEST_CASE("a request says what routing needs to know") {
  auto const request = parsed(
      R"( {"model":"gpt-4\u002e1","messages":[{"role":"user","content":"hi"}],"stream":true,
      "stream_options":{"include_usage":true},"n":2,"tools":[{"type":"function"}]} )");
  CHECK(request.model() == "gpt-4.1");
  CHECK(request.stream());
  CHECK(request.include_usage());
  CHECK(request.answers() == 2);
  CHECK(request.has_tools());
  CHECK_FALSE(request.has_image());
  CHECK_FALSE(request.token_cap().has_value());
}

TEST_CASE("a request that says little has defaults") {
  auto const request = parsed(R"({"messages":[{"role":"user","content":"hi"}]})");
  CHECK(request.model().empty());
  CHECK_FALSE(request.stream());
  CHECK_FALSE(request.include_usage());
  CHECK(request.answers() == 1);
  CHECK_FALSE(request.has_tools());
  CHECK(request.initiator() == Initiator::user);
}

TEST_CASE("null counts as absent") {
  auto const request = parsed(
      R"({"model":null,"messages":[{}],"stream":null,"stream_options":null,"n":null,"max_tokens":null,"initiator":null,"tools":null})");
  CHECK(request.model().empty());
  CHECK(request.answers() == 1);
  CHECK_FALSE(request.token_cap().has_value());
}

TEST_CASE("a request of the wrong shape is refused with the member's name") {
  CHECK(refusal("[]").find("not a JSON object") != std::string::npos);
  CHECK(refusal("\"text\"").find("not a JSON object") != std::string::npos);
  CHECK(names(refusal("{}"), "messages"));
  CHECK(names(refusal(R"({"messages":"hi"})"), "messages"));
  CHECK(names(refusal(R"({"messages":[]})"), "messages"));
  CHECK(names(refusal(R"({"messages":[{},"hi"]})"), "messages[1]"));
  CHECK(names(refusal(R"({"messages":[{}],"model":7})"), "model"));
  CHECK(names(refusal(body_with(R"("stream":"yes")")), "stream"));
  CHECK(names(refusal(body_with(R"("stream_options":true)")), "stream_options"));
  CHECK(names(refusal(body_with(R"("stream_options":{"include_usage":1})")),
              "stream_options.include_usage"));
  CHECK(names(refusal(body_with(R"("n":0)")), "n"));
  CHECK(names(refusal(body_with(R"("n":1.5)")), "n"));
  CHECK(names(refusal(body_with(R"("max_tokens":"many")")), "max_tokens"));
  CHECK(names(refusal(body_with(R"("max_completion_tokens":0.5)")), "max_completion_tokens"));
  CHECK(names(refusal(body_with(R"("initiator":"robot")")), "initiator"));
}

TEST_CASE("C6: a member that routing reads may not be given twice, however it is spelled") {
  for (std::string_view member :
       {R"("model":"m")", R"("stream":true)", R"("n":1)", R"("max_tokens":1)",
        R"("max_completion_tokens":1)", R"("initiator":"user")", R"("stream_options":{})",
        R"("tools":[])"}) {
    CHECK(refusal(body_with(std::string(member) + "," + std::string(member))).find("given twice") !=
          std::string::npos);
  }
  CHECK(names(refusal(body_with(R"("mod\u0065l":"other")")), "model"));
  CHECK(names(refusal(body_with(R"("stream":null,"stream":true)")), "stream"));
  CHECK(names(refusal(body_with(R"("messages":[{}])")), "messages"));
  CHECK(refusal(body_with(R"("seed":1,"seed":2)")) == "accepted");
}

TEST_CASE("S7: a caller cannot choose where credentials go") {
  for (std::string_view key : {"api_base",      "base_url",          "api_key",
                               "api_version",   "extra_headers",     "custom_llm_provider",
                               "API_BASE",      "Base_Url",          "api_KEY",
                               "apiBase",       "baseURL",           "apiKey",
                               "api-key",       "api-base",          "extraHeaders",
                               "Extra-Headers", "customLlmProvider", "CUSTOM_LLM_PROVIDER",
                               "_api_base",     "api_base_",         "a_p_i_base",
                               "apiversion",    "API-VERSION",       "base-url",
                               "BASEURL"}) {
    for (std::string_view value : {"\"https://evil.example\"", "[\"x\"]", "{\"a\":1}", "null"}) {
      std::string member = "\"" + std::string(key) + "\":" + std::string(value);
      CHECK(names(refusal(body_with(member)), key));
    }
  }
  CHECK(names(refusal(body_with(R"("api\u005fbase":"x")")), "api_base"));
  CHECK(names(refusal(body_with(R"("\u0061pi_key":"x")")), "api_key"));
  // Inside other members they are data, which nothing here reads.
  CHECK(refusal(body_with(R"("metadata":{"api_base":"x"})")) == "accepted");
}

TEST_CASE("the initiator is the user when the last message is the user's") {
  auto const who = [](std::string_view messages) {
    return parsed(body_with("", messages)).initiator();
  };
  CHECK(who(R"([{"role":"user","content":"a"}])") == Initiator::user);
  CHECK(who(R"([{"role":"user"},{"role":"assistant"},{"role":"user"}])") == Initiator::user);
  CHECK(who(R"([{"role":"\u0075ser"}])") == Initiator::user);
  CHECK(who(R"([{"role":"user"},{"role":"assistant"}])") == Initiator::agent);
  CHECK(who(R"([{"role":"user"},{"role":"tool","content":"x"}])") == Initiator::agent);
  CHECK(who(R"([{"role":"system"}])") == Initiator::agent);
  CHECK(who(R"([{"content":"no role"}])") == Initiator::agent);
  CHECK(who(R"([{"role":7}])") == Initiator::agent);
}

TEST_CASE("an explicit initiator wins, and never reaches upstream") {
  auto const agent = parsed(body_with(R"("initiator":"agent")"));
  CHECK(agent.initiator() == Initiator::agent);
  CHECK(agent.upstream_body(whole()) == body_with(""));
  auto const user =
      parsed(body_with(R"("initiator":"user")", R"([{"role":"tool","content":"x"}])"));
  CHECK(user.initiator() == Initiator::user);
}

TEST_CASE("an image is found wherever it is") {
  auto const image = [](std::string_view messages) {
    return parsed(body_with("", messages)).has_image();
  };
  CHECK(image(
      R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:,"}}]}])"));
  CHECK(image(R"([{"role":"user","content":[{"type":"input_image","image_url":"x"}]}])"));
  CHECK(image(R"([{"role":"user","content":[{"type":"image","source":{}}]}])"));
  CHECK(image(R"([{"role":"user","content":[{"image_url":{},"type":"image\u005furl"}]}])"));
  CHECK(image(
      R"([{"role":"tool","content":[{"type":"image_url","image_url":{}}]},{"role":"user","content":"a"}])"));
  CHECK(image(
      R"([{"role":"user","content":[{"type":"tool_result","content":[{"type":"image"}]}]}])"));
  CHECK(image(
      R"([{"role":"user","content":[{"type":"tool_result","content":[{"type":"x","content":[{"type":"image"}]}]}]}])"));
  CHECK(image(R"([{"role":"user","content":{"type":"image"}}])"));

  CHECK_FALSE(image(R"([{"role":"user","content":"{\"type\":\"image_url\"}"}])"));
  CHECK_FALSE(image(R"([{"role":"user","content":[{"type":"text","text":"image_url"}]}])"));
  CHECK_FALSE(image(R"([{"role":"user","type":"image_url","content":"a"}])"));
  CHECK_FALSE(image(R"([{"role":"user","content":[{"type":"images"}]}])"));
  CHECK_FALSE(image(R"([{"role":"user","content":null}])"));
}

TEST_CASE("the token cap is the smaller of the two, in any way of writing a number") {
  auto const cap = [](std::string_view members) { return parsed(body_with(members)).token_cap(); };
  CHECK(cap(R"("max_tokens":100)") == 100);
  CHECK(cap(R"("max_completion_tokens":7)") == 7);
  CHECK(cap(R"("max_tokens":100,"max_completion_tokens":7)") == 7);
  CHECK(cap(R"("max_tokens":5,"max_completion_tokens":7)") == 5);
  CHECK(cap(R"("max_tokens":0)") == 0);
  CHECK(cap(R"("max_tokens":-3)") == -3);
  CHECK(cap(R"("max_tokens":1e3)") == 1000);
  CHECK(cap(R"("max_tokens":100.0)") == 100);
  CHECK(cap(R"("max_tokens":99999999999999999999)") == std::numeric_limits<std::int64_t>::max());
  CHECK(cap(R"("max_tokens":1e400)") == std::numeric_limits<std::int64_t>::max());
  CHECK(cap(R"("max_tokens":-99999999999999999999)") == std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("the cap is clamped down, never raised, never added") {
  auto const sent = [](std::string_view members) {
    Upstream change = whole();
    change.max_tokens_limit = 1000;
    return parsed(body_with(members)).upstream_body(change);
  };
  CHECK(sent("") == body_with(""));
  CHECK(sent(R"("max_tokens":999)") == body_with(R"("max_tokens":999)"));
  CHECK(sent(R"("max_tokens":1000.0)") == body_with(R"("max_tokens":1000.0)"));
  CHECK(sent(R"("max_tokens": 1001)") == body_with(R"("max_tokens": 1000)"));
  CHECK(sent(R"("max_tokens":1e9)") == body_with(R"("max_tokens":1000)"));
  CHECK(sent(R"("max_tokens":0)") == body_with(R"("max_tokens":0)"));
  CHECK(sent(R"("max_tokens":-5)") == body_with(R"("max_tokens":-5)"));
}

TEST_CASE("the cap goes under the name that the model takes") {
  Upstream change = whole();
  change.spelling = TokenCapSpelling::max_completion_tokens;
  change.max_tokens_limit = 1000;
  auto const sent = [&change](std::string_view members) {
    return parsed(body_with(members)).upstream_body(change);
  };
  CHECK(sent(R"("max_tokens":10)") == body_with(R"("max_completion_tokens":10)"));
  CHECK(sent(R"("max_tokens":5000)") == body_with(R"("max_completion_tokens":1000)"));
  CHECK(sent(R"("max_tokens":10,"max_completion_tokens":20)") ==
        body_with(R"("max_completion_tokens":10)"));
  CHECK(sent(R"("max_tokens":null)") == body_with(""));
  CHECK(sent(R"("max_completion_tokens":20)") == body_with(R"("max_completion_tokens":20)"));
  change.spelling = TokenCapSpelling::max_tokens;
  CHECK(sent(R"("max_completion_tokens":20)") == body_with(R"("max_tokens":20)"));
}

TEST_CASE("what need not change keeps its own bytes") {
  std::string const body =
      " {\n \"model\" : \"m\",\t\"messages\":[ {\"role\":\"user\", \"content\":\"\\u00e9 \xC3\xA9 "
      "\\/\"} ],\n"
      " \"temperature\":1.00, \"seed\":123456789012345678901234567890, "
      "\"x_unknown\":{\"b\":1,\"a\":[1e0]},\n"
      " \"store\":false, \"stream\": true, \"stream_options\": {\"include_usage\": true} }\n";
  CHECK(parsed(body).upstream_body(streamed()) == body);
}

TEST_CASE("the model is renamed in place") {
  CHECK(parsed(R"({"messages":[{}],"model" : "copilot-gpt-4" ,"seed":1})")
            .upstream_body(whole("gpt-4.1")) ==
        R"({"messages":[{}],"model" : "gpt-4.1" ,"seed":1})");
  CHECK(parsed(R"({"messages":[{}]})").upstream_body(whole("gpt-4.1")) ==
        R"({"messages":[{}],"model":"gpt-4.1"})");
  CHECK(parsed(R"({"messages":[{}],"model":null})").upstream_body(whole("a\"b")) ==
        R"({"messages":[{}],"model":"a\"b"})");
  CHECK(parsed(R"({"messages":[{}],"mod\u0065l":"x"})").upstream_body(whole("y")) ==
        R"({"messages":[{}],"mod\u0065l":"y"})");
}

TEST_CASE("streaming asks for usage, and keeps the caller's other stream options") {
  CHECK(parsed(body_with("")).upstream_body(streamed()) ==
        body_with(R"("stream":true,"stream_options":{"include_usage":true})"));
  CHECK(parsed(body_with(R"("stream":false)")).upstream_body(streamed()) ==
        body_with(R"("stream":true,"stream_options":{"include_usage":true})"));
  CHECK(
      parsed(body_with(R"("stream":true,"stream_options":{"include_obfuscation": false })"))
          .upstream_body(streamed()) ==
      body_with(
          R"("stream":true,"stream_options":{"include_obfuscation": false,"include_usage":true })"));
  CHECK(parsed(body_with(R"("stream":true,"stream_options":{"include_usage": false,"x":[1, 2]})"))
            .upstream_body(streamed()) ==
        body_with(R"("stream":true,"stream_options":{"include_usage": true,"x":[1, 2]})"));
  CHECK(parsed(body_with(R"("stream":true,"stream_options":null)")).upstream_body(streamed()) ==
        body_with(R"("stream":true,"stream_options":{"include_usage":true})"));
}

TEST_CASE("a whole answer is asked for without stream options") {
  CHECK(parsed(body_with(R"("stream":true,"stream_options":{"include_usage":true})"))
            .upstream_body(whole()) == body_with(R"("stream":false)"));
  CHECK(parsed(body_with(R"("stream":false)")).upstream_body(whole()) ==
        body_with(R"("stream":false)"));
  CHECK(parsed(body_with("")).upstream_body(whole()) == body_with(""));
}

TEST_CASE("what upstream refuses, and what is ours, is taken out") {
  CHECK(parsed(body_with(R"("service_tier":"auto","seed":1)")).upstream_body(whole()) ==
        body_with(R"("seed":1)"));
  CHECK(parsed(body_with(R"("store":true)")).upstream_body(whole()) == body_with(""));
  CHECK(parsed(body_with(R"("store":false)")).upstream_body(whole()) ==
        body_with(R"("store":false)"));
  CHECK(parsed(body_with(R"("partialResultToken":"t","workDoneToken":3,"initiator":"user")"))
            .upstream_body(whole()) == body_with(""));
}

TEST_CASE("a request that is moved keeps its body") {
  ChatRequest request = parsed(R"({"messages":[{}]})");
  ChatRequest const moved = std::move(request);
  CHECK(moved.body() == R"({"messages":[{}]})");
  CHECK(moved.upstream_body(whole("m")) == R"({"messages":[{}],"model":"m"})");
  ChatRequest last = moved;
  CHECK(std::move(last).upstream_body(whole("m")) == R"({"messages":[{}],"model":"m"})");
}

}  // namespace
}  // namespace jumpseat
