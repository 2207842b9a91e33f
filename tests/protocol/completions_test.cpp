#include "protocol/completions.h"

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "protocol/chat_request.h"
#include "protocol/json.h"
#include "protocol/scan.h"
#include "tests/support/show.h"

namespace jumpseat {
namespace {

using Options = CompletionChunks::Options;

CompletionRequest parsed(std::string body) {
  REQUIRE_FALSE(check_json(body).has_value());
  auto request = CompletionRequest::parse(std::move(body));
  if (!request) FAIL(request.error().message());
  return std::move(*request);
}

std::string refusal(std::string body) {
  REQUIRE_FALSE(check_json(body).has_value());
  auto const request = CompletionRequest::parse(std::move(body));
  if (request) return "accepted";
  CHECK(request.error().code() == ErrorCode::invalid_request);
  return request.error().message();
}

TEST_CASE("a plain prompt becomes a message to a chat model") {
  struct Case {
    std::string_view body, chat;
  };
  std::string_view const streamed = R"("stream":true,"stream_options":{"include_usage":true})";
  for (auto const& one : {
           Case{R"({"model":"m","prompt":"say \"hi\""})",
                R"({"model":"m","messages":[{"role":"user","content":"say \"hi\""}],)"},
           Case{R"({"model":"m","prompt":"p","max_tokens":5,"temperature":0,"stop":["x"],"n":2,)"
                R"("best_of":2,"echo":true,"user":"u","seed":1,"suffix":null})",
                R"({"model":"m","max_tokens":5,"temperature":0,"stop":["x"],"n":2,"user":"u",)"
                R"("seed":1,"messages":[{"role":"user","content":"p"}],)"},
       }) {
    CHECK(parsed(std::string(one.body)).chat_body(0) ==
          std::string(one.chat) + std::string(streamed) + "}");
  }
  CHECK(parsed(R"({"prompt":"p","logprobs":3,"stream":false,"stream_options":{"a":1}})")
            .chat_body(0) ==
        R"({"logprobs":true,"stream":true,"stream_options":{"include_usage":true},)"
        R"("messages":[{"role":"user","content":"p"}],"top_logprobs":3})");
  // What comes out is a chat request.
  auto const chat = ChatRequest::parse(parsed(R"({"model":"m","prompt":["a","b"]})").chat_body(1));
  REQUIRE(chat);
  CHECK(chat->stream());
  CHECK(chat->initiator() == Initiator::user);
}

TEST_CASE("a prompt with a suffix becomes a request to the engine") {
  struct Case {
    std::string_view body, engine;
  };
  for (auto const& one : {
           Case{R"({"model":"m","prompt":"a","suffix":"b"})",
                R"({"prompt":"a","suffix":"b","stream":true})"},
           Case{R"({"model":"m","prompt":["a"],"suffix":"","max_tokens":9000,"n":3,"best_of":3,)"
                R"("echo":false,"stream":false,"stream_options":{},"initiator":"user",)"
                R"("service_tier":"x","extra":{"language":"c"},"logprobs":2})",
                R"({"prompt":"a","suffix":"","max_tokens":8192,"n":3,"stream":true,)"
                R"("extra":{"language":"c"},"logprobs":2})"},
           Case{R"({"prompt":"a","max_tokens":null,"suffix":null})",
                R"({"prompt":"a","stream":true})"},
           Case{R"({"prompt":"a","max_tokens":8192})",
                R"({"prompt":"a","max_tokens":8192,"stream":true})"},
       }) {
    CHECK(parsed(std::string(one.body)).engine_body(0, 8192) == one.engine);
  }
}

TEST_CASE("what a completion request asks for") {
  auto const request =
      parsed(R"({"model":"gpt-4\u002e1","prompt":["a","\u00e4\n"],"suffix":"s","echo":true,"n":2,)"
             R"("stream":true,"stream_options":{"include_usage":true},"initiator":"agent"})");
  CHECK(request.model() == "gpt-4.1");
  CHECK(request.prompts() == 2);
  CHECK(request.prompt(1) == "\u00e4\n");
  CHECK(request.has_suffix());
  CHECK(request.echo());
  CHECK(request.answers() == 2);
  CHECK(request.stream());
  CHECK(request.include_usage());
  CHECK(request.initiator() == Initiator::agent);

  auto const plain = parsed(R"({"prompt":""})");
  CHECK(plain.model().empty());
  CHECK_FALSE(plain.has_suffix());
  CHECK_FALSE(plain.echo());
  CHECK_FALSE(plain.stream());
  CHECK(plain.answers() == 1);
  CHECK(plain.initiator() == Initiator::user);
}

TEST_CASE("completion requests that nobody can answer are refused by name") {
  std::string many = R"({"prompt":["a")";
  for (std::size_t i = 1; i < CompletionRequest::max_prompts; ++i) many += R"(,"a")";
  struct Case {
    std::string body, part;
  };
  for (auto const& one : {
           Case{"3", "not a JSON object"},
           Case{"{}", "`prompt` is missing"},
           Case{R"({"messages":[]})", "/v1/chat/completions"},
           Case{R"({"prompt":"a","messages":[]})", "/v1/chat/completions"},
           Case{R"({"prompt":[]})", "`prompt` is empty"},
           Case{R"({"prompt":[1,2]})", "token ids"},
           Case{R"({"prompt":[[1,2]]})", "token ids"},
           Case{R"({"prompt":["a",null]})", "`prompt[1]` must be"},
           Case{R"({"prompt":{}})", "`prompt` must be"},
           Case{many + R"(,"a"]})", "more than 20"},
           Case{R"({"prompt":"a","suffix":3})", "`suffix` must be"},
           Case{R"({"prompt":"a","echo":"yes"})", "`echo` must be"},
           Case{R"({"prompt":"a","n":0})", "`n` must be"},
           Case{R"({"prompt":"a","n":129})", "`n` must be"},
           Case{R"({"prompt":"a","best_of":3})", "`best_of` is not supported"},
           Case{R"({"prompt":"a","logprobs":true})", "`logprobs` must be"},
           Case{R"({"prompt":"a","logprobs":21})", "`logprobs` must be"},
           Case{R"({"prompt":"a","logprobs":1,"echo":true})", "combined with `echo`"},
           Case{R"({"prompt":"a","stream":1})", "`stream` must be"},
           Case{R"({"prompt":"a","stream_options":1})", "`stream_options` must be"},
           Case{R"({"prompt":"a","stream_options":{"include_usage":1}})",
                "`stream_options.include_usage` must be"},
           Case{R"({"prompt":"a","max_tokens":"5"})", "`max_tokens` must be"},
           Case{R"({"prompt":"a","initiator":"me"})", "`initiator` must be"},
           Case{R"({"prompt":"a","prompt":"b"})", "given twice"},
           Case{R"({"prompt":"a","base_url":"x"})", "`base_url` is not accepted"},
       }) {
    INFO(one.body.substr(0, 60));
    CHECK(refusal(one.body).find(one.part) != std::string::npos);
  }
  CHECK(refusal(many + "]}") == "accepted");
}

Options options(std::int64_t answers = 1) {
  Options out;
  out.model = "asked";
  out.id = "cmpl-1";
  out.created = 7;
  out.answers = answers;
  return out;
}

std::string const head =
    R"({"id":"cmpl-1","object":"text_completion","created":7,"model":"asked",)";

std::string chunk(std::int64_t index, std::string_view text, std::string_view finish = "null",
                  std::string_view logprobs = "null") {
  return head + R"("choices":[{"index":)" + std::to_string(index) + R"(,"text":)" + quote(text) +
         R"(,"logprobs":)" + std::string(logprobs) + R"(,"finish_reason":)" + std::string(finish) +
         "}]}";
}

using Texts = std::vector<std::string>;

Texts from_chat(CompletionChunks& chunks, std::string text) {
  Texts const given{std::move(text)};
  return *chunks.from_chat(given);
}

TEST_CASE("chat chunks become legacy ones; what says nothing is left out") {
  CompletionChunks chunks(options());
  chunks.begin_prompt({});
  auto const from = [&](std::string_view text) { return from_chat(chunks, std::string(text)); };
  CHECK(from(R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})").empty());
  CHECK(from(R"({"choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]})") ==
        Texts{chunk(0, "Hel")});
  CHECK(from(R"({"choices":[{"index":0,"delta":{"reasoning_text":"hm"}}]})").empty());
  CHECK(from(R"({"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"length"}]})") ==
        Texts{chunk(0, "lo", "\"length\"")});
  CHECK(from(R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}})").empty());
  CHECK(chunks.finish()->empty());
  CHECK(chunks.text_bytes() == 5);
  CHECK(chunks.prompt_tokens() == 3);
  CHECK(chunks.completion_tokens() == 2);
}

TEST_CASE("reasons that legacy completions do not know become stop") {
  for (std::string_view reason : {"tool_calls", "function_call", "stop"}) {
    CompletionChunks chunks(options());
    chunks.begin_prompt({});
    CHECK(from_chat(chunks, R"({"choices":[{"index":0,"delta":{},"finish_reason":")" +
                                std::string(reason) + "\"}]}") == Texts{chunk(0, "", "\"stop\"")});
  }
}

TEST_CASE("a chat model's log probabilities in the legacy shape") {
  CompletionChunks chunks(options());
  chunks.begin_prompt({});
  CHECK(from_chat(chunks,
                  R"({"choices":[{"index":0,"delta":{"content":"\u00e4b"},"logprobs":{"content":[)"
                  R"({"token":"\u00e4","logprob":-1,"top_logprobs":[{"token":"x","logprob":-2}]},)"
                  R"({"token":"b","logprob":-3,"top_logprobs":[]}]}}]})") ==
        Texts{chunk(0, "\u00e4b", "null",
                    "{\"tokens\":[\"\u00e4\",\"b\"],\"token_logprobs\":[-1E0,-3E0],"
                    "\"top_logprobs\":[{\"x\":-2E0},{}],\"text_offset\":[0,1]}")});
}

TEST_CASE("echo goes before each text, and several prompts are numbered on") {
  auto with_usage = options(2);
  with_usage.usage = Options::Usage::pass_on;
  CompletionChunks chunks(with_usage);
  auto const say = [&](int index, std::string_view text) {
    return from_chat(chunks, R"({"choices":[{"index":)" + std::to_string(index) +
                                 R"(,"delta":{"content":)" + quote(text) + "}}]}");
  };
  auto const count = [&](int prompt, int completion) {
    from_chat(chunks, R"({"choices":[],"usage":{"prompt_tokens":)" + std::to_string(prompt) +
                          R"(,"completion_tokens":)" + std::to_string(completion) + "}}");
  };
  chunks.begin_prompt("one:");
  CHECK(say(0, "a") == Texts{chunk(0, "one:a")});
  CHECK(say(1, "b") == Texts{chunk(1, "one:b")});
  CHECK(say(0, "c") == Texts{chunk(0, "c")});
  count(1, 1);  // upstream may say it more than once
  count(5, 3);
  chunks.begin_prompt("two:");
  CHECK(say(1, "d") == Texts{chunk(3, "two:d")});
  count(7, 1);
  CHECK(
      *chunks.finish() ==
      Texts{
          head +
          R"("choices":[],"usage":{"prompt_tokens":12,"completion_tokens":4,"total_tokens":16}})"});
}

// The engine's events one by one, and what comes of them.
struct Engine {
  explicit Engine(std::int64_t answers = 1) : chunks(options(answers)) { chunks.begin_prompt({}); }
  Texts event(std::string_view data) {
    auto const out = chunks.from_engine(data);
    if (!out) return {"error: " + std::string(out.error().name())};
    return **out;
  }
  Texts finish(std::string_view remainder = {}) {
    auto const out = chunks.finish_engine(remainder);
    if (!out) return {"error: " + std::string(out.error().name())};
    return **out;
  }
  CompletionChunks chunks;
};

TEST_CASE("the engine's chunks are made complete") {
  Engine engine;
  CHECK(engine.event(R"({"id":"x","model":"gpt-41-copilot","created":1,)"
                     R"("choices":[{"index":0,"finish_reason":null,"text":"return a"}]})") ==
        Texts{chunk(0, "return a")});
  CHECK(engine.event(R"({"choices":[{"text":" + b","finish_reason":"stop"}],)"
                     R"("usage":{"prompt_tokens":12,"completion_tokens":4}})") ==
        Texts{chunk(0, " + b", "\"stop\"")});
  CHECK(engine.event("[DONE]").empty());
  CHECK(engine.chunks.done());
  CHECK(engine.finish().empty());
  CHECK(engine.chunks.upstream_model() == "gpt-41-copilot");
  CHECK(engine.chunks.prompt_tokens() == 12);
}

TEST_CASE("results of the engine may be interleaved; what it says besides is kept") {
  Engine engine(2);
  CHECK(engine.event(R"({"choices":[{"index":1,"text":"b","copilot_annotations":{"x":[1]}}]})") ==
        Texts{head + R"("choices":[{"copilot_annotations":{"x":[1]},"index":1,"text":"b",)"
                     R"("logprobs":null,"finish_reason":null}]})"});
  CHECK(
      engine.event(R"({"choices":[{"index":0,"text":"a"},{"index":1,"finish_reason":"stop"}]})") ==
      Texts{chunk(0, "a"), chunk(1, "", "\"stop\"")});
  // Neither a choice that nobody asked for, nor more of one that has ended.
  CHECK(engine.event(R"({"choices":[{"index":2,"text":"c"},{"index":1,"text":"d"}]})").empty());
  CHECK(engine.event(R"({"choices":[{"index":0,"text":"","finish_reason":"length"}]})") ==
        Texts{chunk(0, "", "\"length\"")});
  CHECK(engine.finish().empty());
}

TEST_CASE("an end of the engine's stream that can be understood is one") {
  SECTION("[DONE] without finish_reason") {
    Engine engine;
    engine.event(R"({"choices":[{"index":0,"text":"a"}]})");
    engine.event("[DONE]");
    CHECK(engine.finish() == Texts{chunk(0, "", "\"stop\"")});
  }
  SECTION("[DONE] that no blank line ends") {
    Engine engine;
    engine.event(R"({"choices":[{"index":0,"text":"a"}]})");
    CHECK(engine.finish("data: [DONE]") == Texts{chunk(0, "", "\"stop\"")});
  }
  SECTION("nothing to add") {
    Engine engine(2);
    engine.event("[DONE]");
    CHECK(engine.finish() == Texts{chunk(0, "", "\"stop\""), chunk(1, "", "\"stop\"")});
  }
  SECTION("finish_reason without [DONE]") {
    Engine engine;
    engine.event(R"({"choices":[{"index":0,"text":"a","finish_reason":"stop"}]})");
    CHECK(engine.finish().empty());
  }
  SECTION("U9: garbage between good events") {
    Engine engine;
    CHECK(engine.event("{").empty());
    CHECK(engine.event("7").empty());
    engine.event(R"({"choices":[{"index":0,"text":"a","finish_reason":"stop"}]})");
    CHECK(engine.finish().empty());
  }
}

TEST_CASE("U7: an end of the engine's stream in the middle is an error") {
  Engine engine;
  CHECK(engine.event(R"({"choices":[{"index":0,"text":"abc"}]})").size() == 1);
  auto const end = engine.chunks.finish_engine({});
  REQUIRE_FALSE(end);
  CHECK(end.error().code() == ErrorCode::stream_truncated);
  CHECK(end.error().partial_length() == 3);

  Engine silent;
  CHECK(silent.finish() == Texts{"error: stream_truncated"});
  Engine garbage;
  garbage.event("<html>");
  CHECK(garbage.finish() == Texts{"error: bad_upstream_json"});
}

TEST_CASE("errors inside the engine's stream") {
  CHECK(Engine().event(R"({"error":{"code":"model_overloaded","message":"busy"}})") ==
        Texts{"error: model_overloaded"});
  CHECK(Engine().event(R"({"choices":[{"index":0,"text":"a","finish_reason":"error"}]})") ==
        Texts{"error: upstream_interrupted"});
  CHECK(Engine().finish(R"({"error":{"code":"rate_limited","message":"wait"}})") ==
        Texts{"error: rate_limited"});
}

TEST_CASE("chunks are joined to the whole answer") {
  CompletionAssembler whole;
  whole.add(chunk(1, "b"));
  whole.add(chunk(0, "a", "null", R"({"tokens":["a"],"text_offset":[0]})"));
  whole.add(chunk(1, "B", "\"stop\""));
  whole.add(chunk(0, "A", "\"length\"", R"({"tokens":["A"],"text_offset":[1]})"));
  whole.add(head + R"("choices":[],"usage":{"total_tokens":3}})");
  CHECK(whole.completion() ==
        head + R"("choices":[{"index":0,"text":"aA","logprobs":{"tokens":["a","A"],)"
               R"("text_offset":[0,1]},"finish_reason":"length"},)"
               R"({"index":1,"text":"bB","logprobs":null,"finish_reason":"stop"}],)"
               R"("usage":{"total_tokens":3}})");
}

}  // namespace
}  // namespace jumpseat
