#include "protocol/chat_stream.h"

#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "protocol/sse.h"

namespace jumpseat {
namespace {

namespace json = boost::json;
using Texts = std::vector<std::string>;
using Options = ChatStreamRepair::Options;

Options options(Options::Usage usage = Options::Usage::hold_back) {
  Options out;
  out.model = "asked";
  out.make_id = [] { return std::string("chatcmpl-ours"); };
  out.created = 1800000000;
  out.usage = usage;
  return out;
}

json::value parsed(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  INFO(text);
  REQUIRE_FALSE(error);
  return value;
}

// What came of one stream: the chunks, or the error that ended it.
struct Outcome {
  Texts chunks;
  std::optional<Error> error;
  std::size_t skipped = 0;
  std::size_t text_bytes = 0;
  bool done = false;
  bool finished = false;
  std::optional<json::object> usage;
  json::object completion;
};

void keep(Outcome& outcome, Result<std::vector<std::string> const*> const& result) {
  if (!result) {
    outcome.error = result.error();
  } else {
    outcome.chunks.insert(outcome.chunks.end(), (*result)->begin(), (*result)->end());
  }
}

void look(Outcome& outcome, ChatStreamRepair const& repair) {
  outcome.skipped = repair.skipped_events();
  outcome.text_bytes = repair.text_bytes();
  outcome.done = repair.done();
  outcome.finished = repair.finished();
  if (repair.usage()) outcome.usage = parsed(repair.usage()->object).as_object();
  ChatAssembler assembler;
  for (std::string const& chunk : outcome.chunks) assembler.add(chunk);
  outcome.completion = parsed(assembler.completion()).as_object();
}

Outcome run_once(Texts const& events, Options const& with, std::string_view remainder) {
  ChatStreamRepair repair(with);
  Outcome outcome;
  for (std::string_view event : events) {
    keep(outcome, repair.event(event));
    if (outcome.error) break;
  }
  if (!outcome.error) keep(outcome, repair.finish(remainder));
  look(outcome, repair);
  return outcome;
}

// The same, put together without chunks.
Outcome run_whole(Texts const& events, Options const& with, std::string_view remainder) {
  ChatAssembler assembler;
  ChatStreamRepair repair(with);
  repair.put_together_in(assembler);
  Outcome outcome;
  for (std::string_view event : events) {
    keep(outcome, repair.event(event));
    if (outcome.error) break;
  }
  if (!outcome.error) keep(outcome, repair.finish(remainder));
  CHECK(outcome.chunks.empty());
  look(outcome, repair);
  outcome.completion = parsed(assembler.completion()).as_object();
  return outcome;
}

// The same events, no two of which are written alike: each goes the slow way.
Texts unlike(std::initializer_list<std::string_view> events) {
  Texts out;
  for (std::string_view const event : events) {
    std::string text(event);
    if (text.starts_with('{')) text.insert(1, out.size() + 1, ' ');
    out.push_back(std::move(text));
  }
  return out;
}

void compare_whole(Outcome const& quick, Outcome const& slow) {
  CHECK(quick.error.has_value() == slow.error.has_value());
  CHECK(quick.skipped == slow.skipped);
  CHECK(quick.text_bytes == slow.text_bytes);
  CHECK(quick.done == slow.done);
  CHECK(quick.finished == slow.finished);
  CHECK(quick.usage == slow.usage);
  // Nobody asks for it after an error.
  if (slow.error) return;
  CHECK(json::value(quick.completion) == json::value(slow.completion));
}

// What goes the quick way says the same as what goes the slow way.
void compare(Outcome const& quick, Outcome const& slow) {
  compare_whole(quick, slow);
  REQUIRE(quick.chunks.size() == slow.chunks.size());
  for (std::size_t i = 0; i < quick.chunks.size(); ++i) {
    CHECK(parsed(quick.chunks[i]) == parsed(slow.chunks[i]));
  }
}

Outcome run(std::initializer_list<std::string_view> events, Options const& with = options(),
            std::string_view remainder = {}) {
  Outcome outcome = run_once(Texts(events.begin(), events.end()), with, remainder);
  compare(outcome, run_once(unlike(events), with, remainder));
  compare_whole(run_whole(Texts(events.begin(), events.end()), with, remainder), outcome);
  return outcome;
}

// The same from bytes, as they come from the network in the given pieces.
Outcome run_bytes(std::vector<std::string_view> const& pieces, Options const& with) {
  SseReader reader;
  ChatStreamRepair repair(with);
  Outcome outcome;
  for (std::string_view piece : pieces) {
    reader.feed(piece);
    for (auto next = reader.next(); next && *next && !outcome.error; next = reader.next()) {
      keep(outcome, repair.event((*next)->data));
    }
  }
  if (!outcome.error) keep(outcome, repair.finish(reader.remainder()));
  look(outcome, repair);
  return outcome;
}

json::value chunk(Outcome const& outcome, std::size_t i) {
  REQUIRE_FALSE(outcome.error.has_value());
  REQUIRE(i < outcome.chunks.size());
  return parsed(outcome.chunks[i]);
}

// The member at a JSON pointer, or null.
json::value at(json::value const& value, std::string_view pointer) {
  boost::system::error_code error;
  json::value const* const found = value.find_pointer(pointer, error);
  return found == nullptr ? json::value() : *found;
}

bool has(json::value const& value, std::string_view pointer) {
  boost::system::error_code error;
  return value.find_pointer(pointer, error) != nullptr;
}

constexpr std::string_view done = "[DONE]";

// ---- A stream that is right already ----

constexpr std::string_view clean_role =
    R"({"id":"c1","object":"chat.completion.chunk","created":1790000001,"model":"up","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})";
constexpr std::string_view clean_text =
    R"({ "id":"c1","object":"chat.completion.chunk", "created":1790000001,"model" : "up" ,"x_unknown":{"a":1.50,"b":[]},"choices":[{"index":0,"delta":{"content":"h\u00e9 \/"},"logprobs":null,"finish_reason":null}] })";
constexpr std::string_view clean_end =
    R"({"id":"c1","object":"chat.completion.chunk","created":1790000001,"model":"up","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";

std::string restamped(std::string_view text) {
  std::string out(text);
  out.replace(out.find("\"up\""), 4, "\"asked\"");
  return out;
}

TEST_CASE("an event that is right keeps its own bytes, but for the model") {
  auto const outcome = run({clean_role, clean_text, clean_end, done});
  REQUIRE_FALSE(outcome.error.has_value());
  CHECK(outcome.chunks ==
        Texts{restamped(clean_role), restamped(clean_text), restamped(clean_end)});
  CHECK(outcome.done);
  CHECK(outcome.finished);
  CHECK(outcome.text_bytes == 5);
}

TEST_CASE("tool calls as OpenAI writes them keep their own bytes") {
  constexpr std::string_view head =
      R"({"id":"c1","object":"chat.completion.chunk","created":1790000001,"model":"up","choices":[{"index":0,"delta":)";
  std::string const first =
      std::string(head) +
      R"({"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"a","arguments":""}}]},"finish_reason":null}]})";
  std::string const more =
      std::string(head) +
      R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":1}"}}]},"finish_reason":null}]})";
  std::string const second =
      std::string(head) +
      R"({"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"b","arguments":"{}"}}]},"finish_reason":null}]})";
  std::string const end = std::string(head) + R"({},"finish_reason":"tool_calls"}]})";
  auto const outcome = run({first, more, second, end, done});
  REQUIRE_FALSE(outcome.error.has_value());
  CHECK(outcome.chunks ==
        Texts{restamped(first), restamped(more), restamped(second), restamped(end)});
}

TEST_CASE("the model that was asked for may need escapes") {
  Options with = options();
  with.model = "a\"b";
  auto const outcome = run({clean_role, clean_end, done}, with);
  CHECK(chunk(outcome, 0).at("model") == "a\"b");
}

TEST_CASE("an event with a member given twice is written anew") {
  std::string twice(clean_text);
  twice.insert(1, R"("model":"first",)");
  auto const outcome = run({clean_role, twice, clean_end, done});
  json::value const value = chunk(outcome, 1);
  CHECK(value.at("model") == "asked");
  CHECK(outcome.chunks[1].find("first") == std::string::npos);
  CHECK(outcome.chunks[1].find("up") == std::string::npos);
}

// ---- 6.2, 6.3: what GPT, Claude and Gemini streams look like ----

constexpr std::string_view gpt_filter =
    R"({"choices":[],"created":0,"id":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]})";
constexpr std::string_view gpt_role =
    R"({"choices":[{"index":0,"content_filter_offsets":{"check_offset":30,"start_offset":30,"end_offset":62},"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"delta":{"content":"","role":"assistant"}}],"created":1790000001,"id":"chatcmpl-1","model":"gpt-x-2026-05-01"})";
constexpr std::string_view gpt_text =
    R"({"choices":[{"index":0,"delta":{"content":"Hello"}}],"created":1790000001,"id":"chatcmpl-1","model":"gpt-x-2026-05-01"})";
constexpr std::string_view gpt_end =
    R"({"choices":[{"finish_reason":"stop","index":0,"delta":{"content":null}}],"created":1790000001,"id":"chatcmpl-1","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":0}},"model":"gpt-x-2026-05-01","system_fingerprint":"fp_1"})";

TEST_CASE("a GPT stream becomes what OpenAI promises") {
  auto const outcome = run({gpt_filter, gpt_role, gpt_text, gpt_end, done});
  REQUIRE_FALSE(outcome.error.has_value());
  REQUIRE(outcome.chunks.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    json::value const value = chunk(outcome, i);
    CHECK(value.at("object") == "chat.completion.chunk");
    CHECK(value.at("id") == "chatcmpl-1");
    CHECK(value.at("created") == 1790000001);
    CHECK(value.at("model") == "asked");
    CHECK(has(value, "/choices/0/finish_reason"));
    CHECK_FALSE(has(value, "/usage"));
  }
  CHECK(at(chunk(outcome, 1), "/choices/0/delta") == json::value{{"content", "Hello"}});
  CHECK(at(chunk(outcome, 2), "/choices/0/delta") == json::object());
  CHECK(at(chunk(outcome, 2), "/choices/0/finish_reason") == "stop");
  CHECK(outcome.text_bytes == 5);
}

TEST_CASE("a first chunk of filter results alone is held back") {
  ChatStreamRepair repair(options());
  auto const result = repair.event(gpt_filter);
  REQUIRE(result.has_value());
  CHECK((*result)->empty());
  CHECK(repair.skipped_events() == 0);
  CHECK(repair.upstream_model().empty());
}

TEST_CASE("blank id, created and model are filled with the first that were not") {
  auto const outcome = run({
      R"({"id":"u1","created":17,"model":"up","choices":[{"index":0,"delta":{"content":"a"}}]})",
      R"({"id":"","created":0,"model":"","object":"","choices":[{"index":0,"delta":{"content":"b"}}]})",
      R"({"id":null,"choices":[{"index":0,"delta":{"content":"c"}}]})",
      R"({"id":"u2","created":18,"model":"other","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})",
  });
  for (std::size_t i = 0; i < 4; ++i) {
    json::value const value = chunk(outcome, i);
    CHECK(value.at("id") == "u1");
    CHECK(value.at("created") == 17);
    CHECK(value.at("model") == "asked");
    CHECK(value.at("object") == "chat.completion.chunk");
  }
}

TEST_CASE("a stream that never gives id and created gets ours") {
  auto const outcome = run({
      R"({"choices":[{"delta":{"content":"a"}}]})",
      R"({"id":"late","created":5,"choices":[{"delta":{},"finish_reason":"stop"}]})",
  });
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(chunk(outcome, i).at("id") == "chatcmpl-ours");
    CHECK(chunk(outcome, i).at("created") == 1800000000);
  }
}

TEST_CASE("upstream's own model name is remembered") {
  ChatStreamRepair repair(options());
  REQUIRE(repair.event(gpt_filter).has_value());
  REQUIRE(repair.event(gpt_role).has_value());
  CHECK(repair.upstream_model() == "gpt-x-2026-05-01");
}

TEST_CASE("a missing index is the choice's place") {
  auto const outcome = run({
      R"({"id":"u","choices":[{"delta":{"content":"a"},"finish_reason":"stop"},{"delta":{"content":"b"},"finish_reason":"stop"}]})",
  });
  CHECK(at(chunk(outcome, 0), "/choices/0/index") == 0);
  CHECK(at(chunk(outcome, 0), "/choices/1/index") == 1);
}

TEST_CASE("choices: null is no choices") {
  auto const outcome = run({gpt_role, R"({"choices":null,"id":"chatcmpl-1"})", gpt_end});
  REQUIRE_FALSE(outcome.error.has_value());
  CHECK(outcome.chunks.size() == 2);
  CHECK(outcome.skipped == 0);
}

TEST_CASE("what a remote agent says beside the choices is passed on") {
  auto const outcome = run({
      gpt_role,
      R"({"choices":null,"copilot_references":[{"type":"file","id":"a"}]})",
      R"({"choices":null,"copilot_confirmation":{"type":"action","title":"t"}})",
      gpt_end,
  });
  REQUIRE(outcome.chunks.size() == 4);
  json::value const references = chunk(outcome, 1);
  // A client that reads the first choice of each chunk finds one, and nothing new in it.
  CHECK(references.at("choices") == parsed(R"([{"index":0,"delta":{},"finish_reason":null}])"));
  CHECK(references.at("copilot_references") == parsed(R"([{"type":"file","id":"a"}])"));
  CHECK(references.at("id") == "chatcmpl-1");
  CHECK(chunk(outcome, 2).at("copilot_confirmation").at("title") == "t");
}

TEST_CASE("copilot_errors are passed on, and explain an answer that never came") {
  constexpr std::string_view errors =
      R"({"choices":null,"copilot_errors":[{"type":"agent","code":"e1","message":"Cannot reach the index","agent":"docs","identifier":"x"}]})";
  auto const survived = run({errors, gpt_role, gpt_text, gpt_end, done});
  REQUIRE_FALSE(survived.error.has_value());
  CHECK(chunk(survived, 0).at("copilot_errors").as_array().size() == 1);

  auto const alone = run({errors, done});
  REQUIRE(alone.error.has_value());
  CHECK(alone.error->code() == ErrorCode::upstream_interrupted);
  CHECK(alone.error->message().find("'docs' failed: Cannot reach the index") != std::string::npos);
}

TEST_CASE("the role is on a choice's first chunk alone") {
  constexpr std::string_view text =
      R"({"id":"u","choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]})";
  constexpr std::string_view null_role =
      R"({"id":"u","choices":[{"index":0,"delta":{"role":null,"content":"b"}}]})";
  constexpr std::string_view end =
      R"({"id":"u","choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":"stop"}]})";
  auto const repeated = run({text, text, end});
  CHECK(at(chunk(repeated, 0), "/choices/0/delta/role") == "assistant");
  CHECK_FALSE(has(chunk(repeated, 1), "/choices/0/delta/role"));
  CHECK(at(chunk(repeated, 2), "/choices/0/delta") == json::object());

  auto const absent = run({null_role, null_role, end});
  CHECK(at(chunk(absent, 0), "/choices/0/delta/role") == "assistant");
  CHECK_FALSE(has(chunk(absent, 1), "/choices/0/delta/role"));

  auto const two = run({R"({"id":"u","choices":[{"index":0,"delta":{"content":"a"}}]})",
                        R"({"id":"u","choices":[{"index":1,"delta":{"content":"b"}}]})", done});
  CHECK(at(chunk(two, 0), "/choices/0/delta/role") == "assistant");
  CHECK(at(chunk(two, 1), "/choices/0/delta/role") == "assistant");
}

TEST_CASE("a choice without a delta gets one") {
  auto const outcome = run({
      R"({"id":"u","choices":[{"index":0,"message":{"role":"assistant","content":"whole"}}]})",
      R"({"id":"u","choices":[{"index":0,"delta":null,"finish_reason":"stop"}]})",
  });
  CHECK(at(chunk(outcome, 0), "/choices/0/delta/content") == "whole");
  CHECK_FALSE(has(chunk(outcome, 0), "/choices/0/message"));
  CHECK(at(chunk(outcome, 1), "/choices/0/delta") == json::object());
  CHECK(outcome.text_bytes == 5);
}

// ---- Usage ----

constexpr std::string_view usage_9_2 =
    R"({"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":0}})";

TEST_CASE("usage on the finishing chunk moves to a chunk of its own, when it was asked for") {
  auto const outcome =
      run({gpt_filter, gpt_role, gpt_text, gpt_end, done}, options(Options::Usage::pass_on));
  REQUIRE(outcome.chunks.size() == 4);
  CHECK_FALSE(has(chunk(outcome, 2), "/usage"));
  json::value const last = chunk(outcome, 3);
  CHECK(last.at("choices") == json::array());
  CHECK(last.at("usage") == parsed(usage_9_2));
  CHECK(last.at("id") == "chatcmpl-1");
  CHECK(last.at("object") == "chat.completion.chunk");
  CHECK(last.at("created") == 1790000001);
  CHECK(last.at("model") == "asked");
}

TEST_CASE("usage that was not asked for is counted but held back") {
  auto const outcome = run({gpt_role, gpt_end, done});
  CHECK(outcome.chunks.size() == 2);
  REQUIRE(outcome.usage.has_value());
  CHECK(json::value(*outcome.usage) == parsed(usage_9_2));
}

TEST_CASE("usage in a chunk of its own keeps what else that chunk held") {
  std::string const own = R"({"choices":[],"id":"c1","created":1790000001,"model":"up","usage":)" +
                          std::string(usage_9_2) + R"(,"copilot_usage":{"total_nano_aiu":5}})";
  auto const asked = run({clean_role, clean_end, own, done}, options(Options::Usage::pass_on));
  REQUIRE(asked.chunks.size() == 3);
  CHECK(chunk(asked, 2).at("usage") == parsed(usage_9_2));
  CHECK(chunk(asked, 2).at("copilot_usage").at("total_nano_aiu") == 5);
  CHECK(chunk(asked, 2).at("choices") == json::array());
  CHECK(run({clean_role, clean_end, own, done}).chunks.size() == 2);
}

TEST_CASE("usage: null is OpenAI's own when usage was asked for, and removed when not") {
  std::string text(clean_text);
  text.insert(text.size() - 1, R"(,"usage":null)");
  auto const asked = run({clean_role, text, clean_end, done}, options(Options::Usage::pass_on));
  CHECK(asked.chunks.at(1) == restamped(text));
  CHECK(asked.chunks.size() == 3);
  auto const unasked = run({clean_role, text, clean_end, done});
  CHECK_FALSE(has(chunk(unasked, 1), "/usage"));
}

TEST_CASE("of several usages the last that is not zero counts") {
  constexpr std::string_view zero = R"({"prompt_tokens":0,"completion_tokens":0,"total_tokens":0})";
  auto const gemini = [](std::string_view usage, std::string_view finish) {
    return R"({"id":"g","created":1,"model":"gemini","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":)" +
           std::string(finish) + R"(}],"usage":)" + std::string(usage) + "}";
  };
  std::string const first = gemini(zero, "null");
  std::string const partial =
      gemini(R"({"prompt_tokens":9,"completion_tokens":1,"total_tokens":10})", "null");
  std::string const last = gemini(usage_9_2, "\"stop\"");
  std::string const trailing = R"({"choices":[],"usage":)" + std::string(zero) + "}";
  auto const outcome =
      run({first, partial, last, trailing, done}, options(Options::Usage::pass_on));
  REQUIRE(outcome.chunks.size() == 4);
  CHECK(chunk(outcome, 3).at("usage") == parsed(usage_9_2));
  for (std::size_t i = 0; i < 3; ++i) CHECK_FALSE(has(chunk(outcome, i), "/usage"));

  auto const never = run({first, clean_end, done}, options(Options::Usage::pass_on));
  CHECK_FALSE(never.usage.has_value());
  CHECK(never.chunks.size() == 2);
}

// ---- 6.4: tool calls ----

std::string delta(std::string_view members, std::string_view finish = "null", int index = 0) {
  return R"({"id":"u1","created":1,"model":"claude-y","choices":[{"index":)" +
         std::to_string(index) + R"(,"delta":)" + std::string(members) + R"(,"finish_reason":)" +
         std::string(finish) + "}]}";
}

std::string const claude_a = delta(
    R"({"content":null,"tool_calls":[{"index":0,"id":"tooluse_A","type":"function","function":{"name":"weather"}}]})");
std::string const claude_a1 = delta(
    R"({"content":null,"tool_calls":[{"index":0,"type":"function","function":{"arguments":"{\"city\":\"Ro"}}]})");
std::string const claude_a2 = delta(
    R"({"content":null,"tool_calls":[{"index":0,"type":"function","function":{"arguments":"me\"}"}}]})");
std::string const claude_b = delta(
    R"({"content":null,"tool_calls":[{"index":0,"id":"tooluse_B","type":"function","function":{"name":"clock"}}]})");

TEST_CASE("Claude's tool calls, all under index 0, are told apart by their ids") {
  std::string const arguments_b =
      delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"z\":1}"}}]})");
  std::string const end = delta("{}", "\"tool_calls\"");
  auto const outcome = run({claude_a, claude_a1, claude_a2, claude_b, arguments_b, end, done});
  REQUIRE(outcome.chunks.size() == 6);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(at(chunk(outcome, i), "/choices/0/delta/tool_calls/0/index") == 0);
  for (std::size_t i = 3; i < 5; ++i)
    CHECK(at(chunk(outcome, i), "/choices/0/delta/tool_calls/0/index") == 1);
  CHECK(
      at(outcome.completion, "/choices/0/message/tool_calls") ==
      parsed(
          R"([{"id":"tooluse_A","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}},
          {"id":"tooluse_B","type":"function","function":{"name":"clock","arguments":"{\"z\":1}"}}])"));
}

TEST_CASE("tool calls are numbered for each choice on its own") {
  std::string const other = delta(
      R"({"tool_calls":[{"index":0,"id":"tooluse_C","function":{"name":"c","arguments":"{}"}}]})",
      "null", 1);
  auto const outcome = run({claude_a, other, claude_b, delta("{}", "\"tool_calls\""),
                            delta("{}", "\"tool_calls\"", 1), done});
  CHECK(at(chunk(outcome, 1), "/choices/0/delta/tool_calls/0/index") == 0);
  CHECK(at(chunk(outcome, 2), "/choices/0/delta/tool_calls/0/index") == 1);
  CHECK(at(outcome.completion, "/choices/0/message/tool_calls").as_array().size() == 2);
  CHECK(at(outcome.completion, "/choices/1/message/tool_calls").as_array().size() == 1);
}

TEST_CASE("a first delta without arguments gets empty ones, and a type") {
  auto const outcome =
      run({delta(R"({"tool_calls":[{"index":0,"id":"A","function":{"name":"f"}}]})"), done});
  CHECK(at(chunk(outcome, 0), "/choices/0/delta/tool_calls/0") ==
        parsed(R"({"index":0,"id":"A","function":{"name":"f","arguments":""},"type":"function"})"));
}

TEST_CASE("a tool without parameters gets {} before the end") {
  auto const empty = delta(R"({"tool_calls":[{"index":0,"function":{"arguments":""}}]})");
  auto const outcome =
      run({claude_a, claude_a1, claude_a2, claude_b, empty, delta("{}", "\"tool_calls\""), done});
  REQUIRE(outcome.chunks.size() == 7);
  CHECK(at(chunk(outcome, 5), "/choices/0/delta") ==
        parsed(R"({"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]})"));
  CHECK(at(chunk(outcome, 5), "/choices/0/finish_reason") == nullptr);
  CHECK(chunk(outcome, 5).at("id") == "u1");
  CHECK(at(chunk(outcome, 6), "/choices/0/finish_reason") == "tool_calls");
  CHECK(at(outcome.completion, "/choices/0/message/tool_calls/1/function/arguments") == "{}");
}

TEST_CASE("a call that was cut short by the token cap is not made to look whole") {
  auto const outcome = run({claude_a, delta("{}", "\"length\""), done});
  CHECK(outcome.chunks.size() == 2);
  CHECK(at(outcome.completion, "/choices/0/message/tool_calls/0/function/arguments") == "");
  CHECK(at(outcome.completion, "/choices/0/finish_reason") == "length");
}

TEST_CASE("Gemini's whole calls in one delta, with the end, come out as two calls") {
  auto const outcome =
      run({delta(R"({"role":"assistant","content":null,"reasoning_opaque":"R1","tool_calls":[
      {"index":0,"id":"g1","type":"function","function":{"name":"a","arguments":"{\"x\":1}"},"thought_signature":"S"},
      {"index":0,"id":"g2","type":"function","function":{"name":"b","arguments":""}}]})",
                 "\"stop\""),
           done});
  json::value const value = chunk(outcome, 0);
  CHECK(outcome.chunks.size() == 1);
  CHECK(at(value, "/choices/0/delta/tool_calls/1/index") == 1);
  CHECK(at(value, "/choices/0/delta/tool_calls/1/function/arguments") == "{}");
  CHECK(at(value, "/choices/0/delta/tool_calls/0/thought_signature") == "S");
  CHECK(at(value, "/choices/0/delta/reasoning_opaque") == "R1");
  CHECK(at(value, "/choices/0/finish_reason") == "tool_calls");
}

TEST_CASE("Gemini's last text together with the end keeps its own bytes") {
  // OpenAI's chunk object allows both in one; who splits them would delay the end for nothing.
  constexpr std::string_view last =
      R"({"id":"g","object":"chat.completion.chunk","created":5,"model":"asked","choices":[{"index":0,"delta":{"content":" world"},"finish_reason":"stop"}]})";
  auto const outcome = run(
      {R"({"id":"g","object":"chat.completion.chunk","created":5,"model":"asked","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"}}]})",
       last, done});
  REQUIRE_FALSE(outcome.error.has_value());
  REQUIRE(outcome.chunks.size() == 2);
  CHECK(at(outcome.completion, "/choices/0/message/content") == "Hello world");
  CHECK(at(outcome.completion, "/choices/0/finish_reason") == "stop");
  CHECK(at(chunk(outcome, 1), "/choices/0/delta/content") == " world");
  CHECK(at(chunk(outcome, 1), "/choices/0/finish_reason") == "stop");
}

TEST_CASE("calls without index or id are told apart and get both") {
  auto const outcome = run(
      {delta(
           R"({"tool_calls":[{"function":{"name":"a","arguments":"{\"x\":1}"}},{"function":{"name":"b"}}]})"),
       delta(R"({"tool_calls":[{"function":{"arguments":"{\"y\":2}"}}]})"), delta("{}", "\"stop\""),
       done});
  CHECK(
      at(outcome.completion, "/choices/0/message/tool_calls") ==
      parsed(
          R"([{"id":"call_u1_0_0","type":"function","function":{"name":"a","arguments":"{\"x\":1}"}},
          {"id":"call_u1_0_1","type":"function","function":{"name":"b","arguments":"{\"y\":2}"}}])"));
}

TEST_CASE("an id, a name or nulls repeated with every piece are said once") {
  auto const piece = [](std::string_view arguments) {
    return delta(
        R"({"tool_calls":[{"index":0,"id":"A","type":"function","function":{"name":"f","arguments":")" +
        std::string(arguments) + R"("}}]})");
  };
  auto const nulls = delta(
      R"({"tool_calls":[{"index":0,"id":null,"type":null,"function":{"name":null,"arguments":null}}]})");
  auto const outcome = run({piece("{"), piece("}"), nulls, delta("{}", "\"tool_calls\""), done});
  CHECK(at(chunk(outcome, 1), "/choices/0/delta/tool_calls/0") ==
        parsed(R"({"index":0,"type":"function","function":{"arguments":"}"}})"));
  CHECK(at(chunk(outcome, 2), "/choices/0/delta/tool_calls/0") ==
        parsed(R"({"index":0,"function":{}})"));
  CHECK(at(outcome.completion, "/choices/0/message/tool_calls/0/function") ==
        parsed(R"({"name":"f","arguments":"{}"})"));
}

TEST_CASE("pieces of calls that alternate find their call by id") {
  auto const piece = [](std::string_view id, std::string_view arguments) {
    return delta(R"({"tool_calls":[{"index":0,"id":")" + std::string(id) +
                 R"(","function":{"arguments":")" + std::string(arguments) + R"("}}]})");
  };
  auto const outcome = run({claude_a, claude_b, piece("tooluse_A", "1"), piece("tooluse_B", "2"),
                            piece("tooluse_A", "3"), delta("{}", "\"tool_calls\""), done});
  CHECK(at(outcome.completion, "/choices/0/message/tool_calls/0/function/arguments") == "13");
  CHECK(at(outcome.completion, "/choices/0/message/tool_calls/1/function/arguments") == "2");
}

TEST_CASE("arguments that are JSON instead of text become text") {
  auto const outcome = run(
      {delta(
           R"({"tool_calls":[{"index":0,"id":"A","function":{"name":"f","arguments":{"x":[1,2]}}}]})"),
       delta("{}", "\"tool_calls\""), done});
  CHECK(at(outcome.completion, "/choices/0/message/tool_calls/0/function/arguments") ==
        R"({"x":[1,2]})");
}

TEST_CASE("tool calls of another type are left as they are") {
  auto const outcome = run(
      {delta(
           R"({"tool_calls":[{"index":0,"id":"A","type":"custom","custom":{"name":"patch","input":"x"}}]})"),
       delta("{}", "\"stop\""), done});
  REQUIRE(outcome.chunks.size() == 2);
  CHECK(at(chunk(outcome, 0), "/choices/0/delta/tool_calls/0") ==
        parsed(R"({"index":0,"id":"A","type":"custom","custom":{"name":"patch","input":"x"}})"));
}

TEST_CASE("tool_calls: null and [] are removed") {
  auto const outcome =
      run({delta(R"({"content":"a","tool_calls":null,"function_call":null})"),
           delta(R"({"content":"b","tool_calls":[]})"), delta("{}", "\"stop\""), done});
  CHECK_FALSE(has(chunk(outcome, 0), "/choices/0/delta/tool_calls"));
  CHECK_FALSE(has(chunk(outcome, 0), "/choices/0/delta/function_call"));
  CHECK_FALSE(has(chunk(outcome, 1), "/choices/0/delta/tool_calls"));
  CHECK(at(chunk(outcome, 2), "/choices/0/finish_reason") == "stop");
}

// ---- Ends ----

TEST_CASE("tool calls that end with stop end with tool_calls") {
  auto const outcome = run({claude_a, claude_a1, claude_a2, delta("{}", "\"stop\""), done});
  CHECK(at(chunk(outcome, 3), "/choices/0/finish_reason") == "tool_calls");
  CHECK(at(outcome.completion, "/choices/0/finish_reason") == "tool_calls");
}

TEST_CASE("length, content_filter and function_call pass") {
  for (std::string_view reason : {"length", "content_filter", "function_call"}) {
    auto const outcome =
        run({delta(R"({"content":"a"})"), delta("{}", "\"" + std::string(reason) + "\""), done});
    CHECK(at(chunk(outcome, 1), "/choices/0/finish_reason") == json::value(json::string(reason)));
    CHECK(outcome.finished);
  }
}

TEST_CASE("reasoning after the finish_reason passes") {
  auto const outcome = run({delta(R"({"content":"a"})"), delta("{}", "\"stop\""),
                            delta(R"({"reasoning_opaque":"R","cot_id":"7"})"), done});
  REQUIRE(outcome.chunks.size() == 3);
  CHECK(at(chunk(outcome, 2), "/choices/0/delta") ==
        parsed(R"({"reasoning_opaque":"R","cot_id":"7"})"));
  CHECK(at(chunk(outcome, 2), "/choices/0/finish_reason") == nullptr);
  CHECK(at(outcome.completion, "/choices/0/finish_reason") == "stop");
  CHECK(at(outcome.completion, "/choices/0/message/reasoning_opaque") == "R");
}

TEST_CASE("a finish_reason is said once; an empty one is none") {
  auto const outcome = run({delta(R"({"content":"a"})", "\"\""), delta("{}", "\"stop\""),
                            delta("{}", "\"stop\""), done});
  CHECK(at(chunk(outcome, 0), "/choices/0/finish_reason") == nullptr);
  CHECK(at(chunk(outcome, 1), "/choices/0/finish_reason") == "stop");
  CHECK(at(chunk(outcome, 2), "/choices/0/finish_reason") == nullptr);
}

TEST_CASE("a finish_reason that is missing at [DONE] is supplied") {
  auto const text = run({delta(R"({"content":"a"})"), done});
  REQUIRE(text.chunks.size() == 2);
  CHECK(at(chunk(text, 1), "/choices/0/finish_reason") == "stop");
  CHECK(at(chunk(text, 1), "/choices/0/delta") == json::object());
  CHECK(at(text.completion, "/choices/0/finish_reason") == "stop");

  auto const calls = run({claude_a, done});
  REQUIRE(calls.chunks.size() == 3);
  CHECK(at(chunk(calls, 1), "/choices/0/delta/tool_calls/0/function/arguments") == "{}");
  CHECK(at(chunk(calls, 2), "/choices/0/finish_reason") == "tool_calls");
}

TEST_CASE("a stream that has its finish_reason needs no [DONE]") {
  auto const outcome = run({clean_role, clean_end});
  CHECK_FALSE(outcome.error.has_value());
  CHECK_FALSE(outcome.done);
}

TEST_CASE("after [DONE] nothing counts") {
  auto const outcome =
      run({clean_role, clean_end, done, R"({"error":{"message":"late"}})", "garbage"});
  CHECK_FALSE(outcome.error.has_value());
  CHECK(outcome.skipped == 0);
}

TEST_CASE("U7: a stream without finish or [DONE] is an error") {
  auto const cut = run({clean_role, clean_text});
  REQUIRE(cut.error.has_value());
  CHECK(cut.error->code() == ErrorCode::stream_truncated);
  CHECK(cut.error->partial_length() == 5u);
  CHECK(cut.chunks.size() == 2);

  auto const mid_event =
      run({clean_role, clean_text}, options(), R"(data: {"id":"c1","choices":[{"ind)");
  REQUIRE(mid_event.error.has_value());
  CHECK(mid_event.error->code() == ErrorCode::stream_truncated);
  CHECK(mid_event.skipped == 0);

  auto const first_event = run({}, options(), R"(data: {"id":"c1")");
  REQUIRE(first_event.error.has_value());
  CHECK(first_event.error->code() == ErrorCode::stream_truncated);
}

TEST_CASE("U7: one of two answers without its end is an error") {
  auto const outcome = run({delta(R"({"content":"a"})"), delta(R"({"content":"b"})", "null", 1),
                            delta("{}", "\"stop\"")});
  REQUIRE(outcome.error.has_value());
  CHECK(outcome.error->code() == ErrorCode::stream_truncated);
}

TEST_CASE("U7: a stream that ends without any answer is an error") {
  for (auto const& outcome : {run({}), run({done}), run({gpt_filter, done})}) {
    REQUIRE(outcome.error.has_value());
    CHECK(outcome.error->code() == ErrorCode::stream_truncated);
  }
}

TEST_CASE("an end that no blank line follows still counts") {
  auto const with_done = run({clean_role}, options(), "data: [DONE]\n");
  REQUIRE_FALSE(with_done.error.has_value());
  CHECK(with_done.done);

  auto const with_event =
      run({clean_role}, options(), "event: x\n: c\ndata: " + std::string(clean_end));
  REQUIRE_FALSE(with_event.error.has_value());
  CHECK(with_event.chunks.size() == 2);

  auto const with_both =
      run({clean_role}, options(), "data: " + std::string(clean_end) + "\ndata: [DONE]\n");
  REQUIRE_FALSE(with_both.error.has_value());
  CHECK(with_both.chunks.size() == 2);
  CHECK(with_both.done);
}

// ---- Errors and garbage ----

TEST_CASE("an error after the 200 is that error, with the length of what came before") {
  auto const object =
      run({clean_role, clean_text,
           R"({"choices":null,"error":{"code":"server_fault","message":"It broke."}})"});
  REQUIRE(object.error.has_value());
  CHECK(object.error->code() == ErrorCode::upstream_interrupted);
  CHECK(object.error->name() == "server_fault");
  CHECK(object.error->message().find("It broke.") != std::string::npos);
  CHECK(object.error->partial_length() == 5u);

  auto const text = run({clean_role, R"({"error":"it broke"})"});
  REQUIRE(text.error.has_value());
  CHECK(text.error->code() == ErrorCode::upstream_interrupted);
  CHECK(text.error->message().find("it broke") != std::string::npos);

  auto const wrapped =
      run({clean_role, R"({"type":"error","error":{"type":"overloaded_error","message":"Busy"}})"});
  REQUIRE(wrapped.error.has_value());
  CHECK(wrapped.error->name() == "overloaded_error");

  auto const bare = run({clean_role, R"({"code":"x_fault","message":"Inner object alone"})"});
  REQUIRE(bare.error.has_value());
  CHECK(bare.error->name() == "x_fault");
}

TEST_CASE("an error whose code has a meaning has that meaning") {
  auto const limited = run(
      {R"({"error":{"code":"user_model_rate_limited","message":"Slow down","retry_after":7}})"});
  REQUIRE(limited.error.has_value());
  CHECK(limited.error->code() == ErrorCode::rate_limited);
  CHECK(limited.error->retry_after() == std::chrono::seconds(7));
  auto const numbered = run({R"({"error":{"code":503,"message":"Overloaded"}})"});
  REQUIRE(numbered.error.has_value());
  CHECK(numbered.error->code() == ErrorCode::upstream_failed);
}

TEST_CASE("error: null, false, \"\" and {} say nothing") {
  for (std::string_view nothing : {"null", "false", "\"\"", "{}"}) {
    std::string text(clean_text);
    text.insert(text.size() - 1, ",\"error\":" + std::string(nothing));
    CHECK_FALSE(run({clean_role, text, clean_end}).error.has_value());
  }
}

TEST_CASE("finish_reason error is an error") {
  auto const outcome = run({delta(R"({"content":"a"})"), delta("{}", "\"error\""), done});
  REQUIRE(outcome.error.has_value());
  CHECK(outcome.error->code() == ErrorCode::upstream_interrupted);
  CHECK(outcome.error->partial_length() == 1u);
}

TEST_CASE("an error in the remainder is that error") {
  auto const bare = run({clean_role, clean_text}, options(),
                        "{\"error\":{\n\"code\":\"oops\",\"message\":\"bare\"}}\n");
  REQUIRE(bare.error.has_value());
  CHECK(bare.error->name() == "oops");
  auto const after_data =
      run({clean_role}, options(), "data: " + std::string(clean_text) + "\n{\"error\":\"bare\"}");
  REQUIRE(after_data.error.has_value());
  CHECK(after_data.error->code() == ErrorCode::upstream_interrupted);
}

TEST_CASE("U9: garbage is skipped and counted") {
  auto const outcome =
      run({clean_role, "{\"choices\":[", "not json", "[1,2]", "42", R"({"choices":"none"})",
           R"({"choices":[1,null]})", R"({"hello":1})", "\xFF\xFE", clean_text, clean_end, done});
  REQUIRE_FALSE(outcome.error.has_value());
  CHECK(outcome.chunks ==
        Texts{restamped(clean_role), restamped(clean_text), restamped(clean_end)});
  CHECK(outcome.skipped == 8);
}

TEST_CASE("U9: nothing but garbage is an error of its own") {
  for (auto const& outcome :
       {run({"garbage", done}), run({"{", "}"}), run({}, options(), "<html>no</html>")}) {
    REQUIRE(outcome.error.has_value());
    CHECK(outcome.error->code() == ErrorCode::bad_upstream_json);
  }
}

TEST_CASE("garbage among the choices is dropped, the rest stays") {
  auto const outcome = run(
      {R"({"id":"u","choices":[null,{"index":0,"delta":{"content":"a"},"finish_reason":"stop"},7]})"});
  CHECK(chunk(outcome, 0).at("choices").as_array().size() == 1);
}

TEST_CASE("C6: an event nested too deep is garbage") {
  std::string deep = R"({"choices":[],"x":)" + std::string(200, '[') + std::string(200, ']') + "}";
  CHECK(run({deep, clean_role, clean_end}).skipped == 1);
}

TEST_CASE("data lines that no blank line parts are an event each") {
  std::string const joined = std::string(clean_role) + "\n" + std::string(clean_text) + "\njunk\n" +
                             std::string(clean_end) + "\n[DONE]";
  auto const outcome = run({joined});
  REQUIRE_FALSE(outcome.error.has_value());
  CHECK(outcome.chunks ==
        Texts{restamped(clean_role), restamped(clean_text), restamped(clean_end)});
  CHECK(outcome.done);
  CHECK(outcome.skipped == 1);
}

TEST_CASE("events of a million lines of garbage cost no stack") {
  std::string lines;
  for (int i = 0; i < 100000; ++i) lines += "a\n";
  CHECK(run({lines, clean_role, clean_end}).skipped == 100000);
}

// ---- Unknown members ----

TEST_CASE("annotations and other unknown members pass, also where a chunk is repaired") {
  auto const outcome = run(
      {delta(
           R"({"content":"a","copilot_annotations":{"IPCodeCitations":[{"id":1,"start_offset":0,"end_offset":1,"details":{},"citations":{}}]},"annotations":{"x":1}})"),
       R"({"id":"u1","choices":[{"index":0,"delta":{},"finish_reason":"stop","content_filter_results":{"hate":{"error":{"code":"e","message":"m"}}}}],"copilot_usage":{"n":1},"service_tier":"x"})",
       done});
  CHECK(at(chunk(outcome, 0),
           "/choices/0/delta/copilot_annotations/IPCodeCitations/0/end_offset") == 1);
  CHECK(at(chunk(outcome, 0), "/choices/0/delta/annotations/x") == 1);
  CHECK(at(chunk(outcome, 1), "/choices/0/content_filter_results/hate/error/code") == "e");
  CHECK(at(chunk(outcome, 1), "/copilot_usage/n") == 1);
  CHECK(at(chunk(outcome, 1), "/service_tier") == "x");
}

TEST_CASE("an agent's references under role function pass untouched and are no answer text") {
  auto const outcome =
      run({delta(R"({"role":"function","name":"search","content":"[{\"id\":1}]"})"),
           delta(R"({"role":"assistant","content":"a"})"), delta("{}", "\"stop\""), done});
  CHECK(at(chunk(outcome, 0), "/choices/0/delta") ==
        parsed(R"({"role":"function","name":"search","content":"[{\"id\":1}]"})"));
  CHECK(at(chunk(outcome, 1), "/choices/0/delta/role") == "assistant");
  CHECK(outcome.text_bytes == 1);
  CHECK(at(outcome.completion, "/choices/0/message/content") == "a");
}

TEST_CASE("a repair goes on after it was moved") {
  ChatStreamRepair first(options());
  REQUIRE(first.event(clean_role).has_value());
  ChatStreamRepair second(std::move(first));
  REQUIRE(second.event(clean_end).has_value());
  CHECK(second.finish({}).has_value());
}

// ---- ChatAssembler ----

TEST_CASE("a whole answer is put together from its chunks") {
  auto const outcome = run({gpt_filter, gpt_role, gpt_text, gpt_text, gpt_end, done},
                           options(Options::Usage::pass_on));
  CHECK(outcome.completion == parsed(R"({
    "id":"chatcmpl-1","object":"chat.completion","created":1790000001,"model":"asked","system_fingerprint":"fp_1",
    "choices":[{"index":0,"message":{"role":"assistant","content":"HelloHello","refusal":null},"logprobs":null,
      "content_filter_offsets":{"check_offset":30,"start_offset":30,"end_offset":62},
      "content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":0}}})")
                                  .as_object());
}

TEST_CASE("texts in pieces are joined, of other values the last counts") {
  auto const outcome = run(
      {delta(
           R"({"reasoning_text":"I ","reasoning_content":"x","reasoning_opaque":"o1","cot_summary":"s1","refusal":"n"})"),
       delta(
           R"({"reasoning_text":"think","reasoning_content":"y","reasoning_opaque":"o2","cot_summary":"s2","refusal":"o"})"),
       delta("{}", "\"stop\""), done});
  CHECK(
      at(outcome.completion, "/choices/0/message") ==
      parsed(
          R"({"role":"assistant","content":null,"refusal":"no","reasoning_text":"I think","reasoning_content":"xy","reasoning_opaque":"o2","cot_summary":"s2"})"));
}

TEST_CASE("log probabilities are appended") {
  auto const piece = [](std::string_view token) {
    return R"({"id":"u","choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":")" +
           std::string(token) + R"(","logprob":-0.5}],"refusal":null},"finish_reason":null}]})";
  };
  auto const outcome = run({piece("a"), piece("b"), delta("{}", "\"stop\""), done});
  CHECK(
      at(outcome.completion, "/choices/0/logprobs") ==
      parsed(
          R"({"content":[{"token":"a","logprob":-0.5},{"token":"b","logprob":-0.5}],"refusal":null})"));
}

TEST_CASE("annotations of several chunks are gathered") {
  auto const outcome = run(
      {delta(R"({"content":"a","copilot_annotations":{"IPCodeCitations":[{"id":1}]}})"),
       delta(
           R"({"content":"b","copilot_annotations":{"IPCodeCitations":[{"id":2}],"CodeVulnerability":[{"id":3}]}})"),
       delta("{}", "\"stop\""), done});
  CHECK(at(outcome.completion, "/choices/0/message/copilot_annotations") ==
        parsed(R"({"IPCodeCitations":[{"id":1},{"id":2}],"CodeVulnerability":[{"id":3}]})"));
}

TEST_CASE("several answers are kept apart, in order") {
  auto const outcome = run({delta(R"({"content":"b1"})", "null", 1), delta(R"({"content":"a1"})"),
                            delta(R"({"content":"b2"})", "null", 1), delta("{}", "\"stop\""),
                            delta("{}", "\"length\"", 1), done});
  CHECK(at(outcome.completion, "/choices/0/index") == 0);
  CHECK(at(outcome.completion, "/choices/0/message/content") == "a1");
  CHECK(at(outcome.completion, "/choices/1/message/content") == "b1b2");
  CHECK(at(outcome.completion, "/choices/1/finish_reason") == "length");
}

TEST_CASE("a function_call of the old kind is put together") {
  auto const outcome =
      run({delta(R"({"content":null,"function_call":{"name":"f","arguments":""}})"),
           delta(R"({"function_call":{"arguments":"{\"a\""}})"),
           delta(R"({"function_call":{"name":"f","arguments":":1}"}})"),
           delta("{}", "\"function_call\""), done});
  CHECK(at(outcome.completion, "/choices/0/message/function_call") ==
        parsed(R"({"name":"f","arguments":"{\"a\":1}"})"));
  CHECK(at(outcome.completion, "/choices/0/finish_reason") == "function_call");
}

// ---- Many chunks that are alike ----

// An event with `%` where the text goes and `#` where a counter goes, twelve times over, each time
// with another text and another number.
void play_many(std::string_view first, std::string_view pattern, std::string_view last,
               Options const& with) {
  static constexpr std::array<std::string_view, 6> texts = {
      "a", "", R"(\"\\\n)", "größe 日本語", R"(\u00e9)", "a longer piece of text, as they come"};
  Texts quick{std::string(first)};
  Texts slow{std::string(first)};
  for (std::size_t i = 0; i < 12; ++i) {
    std::string event;
    for (char const c : pattern) {
      if (c == '%') {
        event += texts[i % texts.size()];
      } else if (c == '#') {
        event += std::to_string(10 * i);
      } else {
        event += c;
      }
    }
    quick.push_back(event);
    event.insert(1, i + 1, ' ');
    slow.push_back(event);
  }
  for (Texts* events : {&quick, &slow}) {
    events->emplace_back(last);
    events->emplace_back(done);
  }
  compare(run_once(quick, with, {}), run_once(slow, with, {}));
}

TEST_CASE("many chunks that are alike become what each would have become alone") {
  constexpr std::string_view role =
      R"({"choices":[{"index":0,"delta":{"content":"","role":"assistant"}}],"created":1,"id":"c","model":"up"})";
  constexpr std::string_view end =
      R"({"choices":[{"index":0,"finish_reason":"stop","delta":{"content":null}}],"created":1,"id":"c","model":"up","usage":{"total_tokens":3}})";
  constexpr std::string_view call =
      R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"A","type":"function","function":{"name":"f"}}]}}],"created":1,"id":"c","model":"up"})";
  auto const usage = GENERATE(Options::Usage::hold_back, Options::Usage::pass_on);
  auto const pattern = GENERATE(
      // GitHub's own, with and without what the content filter counts.
      R"({"choices":[{"index":0,"delta":{"content":"%"}}],"created":1,"id":"c","model":"up"})",
      R"({"choices":[{"index":0,"content_filter_offsets":{"check_offset":#,"end_offset":#},"delta":{"content":"%"}}],"created":1,"id":"c","model":"up"})",
      // Clean already.
      R"({"id":"c","object":"chat.completion.chunk","created":1,"model":"up","choices":[{"index":0,"delta":{"content":"%"},"finish_reason":null}],"obfuscation":"%"})",
      // Claude and Gemini: a role, a usage of nothing, on every chunk.
      R"({"choices":[{"index":0,"delta":{"content":"%","role":"assistant"}}],"id":"c","model":"up","usage":{"total_tokens":0}})",
      R"({"choices":[{"index":0,"delta":{"content":"%"}}],"id":"c","model":"up","usage":null})",
      // Reasoning, alone and beside a text.
      R"({"choices":[{"index":0,"delta":{"reasoning_text":"%"}}],"created":1,"id":"c","model":"up"})",
      R"({"choices":[{"index":0,"delta":{"content":"%","reasoning_text":"%","role":null}}],"created":1,"id":"c","model":"up"})",
      // What is joined or counted elsewhere.
      R"({"choices":[{"index":0,"delta":{"content":"%"},"logprobs":{"content":[{"token":"%","logprob":-#}]}}],"id":"c"})",
      R"({"choices":[{"index":0,"delta":{"content":"%"}},{"index":1,"delta":{"content":"%"}}],"id":"c"})",
      R"({"choices":[{"index":0,"delta":{"content":"%"}}],"id":"c","copilot_usage":{"n":#}})",
      R"({"choices":[{"delta":{"function_call":{"arguments":"%"}}}],"id":"c"})",
      R"({"choices":[{"index":0,"delta":{"content":"%"}}],"id":"c","created":#})",
      R"({"choices":[{"index":0,"delta":{"content":"%"}}],"id":"c#"})");
  CAPTURE(pattern);
  play_many(role, pattern, end, options(usage));
  auto const arguments = GENERATE(
      R"({"choices":[{"index":0,"delta":{"content":null,"tool_calls":[{"index":0,"type":"function","function":{"arguments":"%"}}]}}],"id":"c","model":"up"})",
      R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"%"}}]}}],"id":"c","model":"up"})",
      R"({"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"arguments":"%"}}]}}],"id":"c","model":"up"})",
      R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"A","function":{"arguments":"%"}}]}}],"id":"c","model":"up"})",
      R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"A#","function":{"arguments":"%"}}]}}],"id":"c","model":"up"})",
      R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":#,"function":{"arguments":"%"}}]}}],"id":"c","model":"up"})");
  CAPTURE(arguments);
  play_many(call, arguments, end, options(usage));
}

TEST_CASE("an answer that is not over yet has no finish_reason") {
  ChatAssembler assembler;
  assembler.add(delta(R"({"role":"assistant","content":"so far"})"));
  assembler.add("not json");
  json::value const answer = parsed(assembler.completion());
  CHECK(at(answer, "/choices/0/message/content") == "so far");
  CHECK(at(answer, "/choices/0/finish_reason") == nullptr);
  CHECK(answer.at("object") == "chat.completion");
}

TEST_CASE("the assembler mends calls of chunks that nobody repaired") {
  ChatAssembler assembler;
  assembler.add(
      delta(R"({"tool_calls":[{"index":0,"id":"A","type":"function","function":{"name":"f"}}]})",
            "\"stop\""));
  json::value const answer = parsed(assembler.completion());
  CHECK(at(answer, "/choices/0/message/tool_calls/0/function/arguments") == "{}");
  CHECK(at(answer, "/choices/0/finish_reason") == "tool_calls");
}

TEST_CASE("a message beside a delta does not take the answer's place") {
  auto const outcome = run(
      {R"({"id":"u","choices":[{"index":0,"delta":{"content":"a"},"message":7,"finish_reason":"stop"}]})"});
  CHECK(at(outcome.completion, "/choices/0/message/content") == "a");
}

// ---- U8: every sample, cut everywhere ----

std::string stream_of(std::initializer_list<std::string_view> events) {
  std::string out;
  for (std::string_view event : events) out += sse_event(event);
  return out;
}

std::string with_line_ends(std::string_view text, std::string_view end) {
  std::string out;
  for (char const c : text) {
    if (c == '\n') {
      out.append(end);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

bool same(Outcome const& a, Outcome const& b) {
  return a.chunks == b.chunks && a.error.has_value() == b.error.has_value() &&
         (!a.error ||
          (a.error->code() == b.error->code() && a.error->message() == b.error->message() &&
           a.error->partial_length() == b.error->partial_length())) &&
         a.skipped == b.skipped && a.text_bytes == b.text_bytes && a.completion == b.completion;
}

TEST_CASE("U8: a stream cut anywhere, with any line ends, gives the same answer") {
  std::string const text = delta("{\"content\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"}");
  std::vector<std::string> const samples = {
      stream_of({gpt_filter, gpt_role, gpt_text, gpt_end, done}),
      ": hi\n\n" + stream_of({clean_role, clean_text, clean_end}) + ": ping\n\n" +
          stream_of({done}),
      stream_of({claude_a, claude_a1, claude_a2, claude_b, delta("{}", "\"stop\""), done}),
      stream_of({text, "garbage", text, delta("{}", "\"stop\"")}),
      stream_of({text}) + "{\"error\":{\"code\":\"late\",\"message\":\"bare\"}}",
      stream_of({text, R"({"choices":null,"error":{"code":"x","message":"y"}})"}),
      stream_of({text, text}) + "data: {\"id\":\"cut",
      stream_of({text}) + "data: " + delta("{}", "\"length\"") + "\ndata: [DONE]\n",
  };
  for (std::string const& sample : samples) {
    Outcome const expected = run_bytes({sample}, options(Options::Usage::pass_on));
    for (std::string_view ends : {"\n", "\r\n", "\r"}) {
      for (std::string_view mark : {"", "\xEF\xBB\xBF"}) {
        std::string const bytes = std::string(mark) + with_line_ends(sample, ends);
        std::string_view const all = bytes;
        for (std::size_t cut = 0; cut <= all.size(); ++cut) {
          Outcome const outcome =
              run_bytes({all.substr(0, cut), all.substr(cut)}, options(Options::Usage::pass_on));
          if (!same(outcome, expected)) FAIL("cut at " << cut << " of " << bytes);
        }
        std::vector<std::string_view> single;
        for (std::size_t i = 0; i < all.size(); ++i) single.push_back(all.substr(i, 1));
        CHECK(same(run_bytes(single, options(Options::Usage::pass_on)), expected));
      }
    }
  }
}

// ---- 6.5: answers in one piece ----

json::value repaired(std::string_view body, std::int64_t answers = 1) {
  auto const result = repair_completion(body, options(), answers);
  if (!result) FAIL(result.error().message());
  return parsed(*result);
}

constexpr std::string_view claude_whole = R"({"id":"u2","created":1790000002,"model":"Claude Y",
 "choices":[{"finish_reason":"tool_calls","message":{"role":"assistant","content":"Looking it up."}},
            {"finish_reason":"stop","message":{"role":"assistant","content":null,"tool_calls":[{"id":"tooluse_A","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}}]}},
            {"finish_reason":"stop","message":{"role":"assistant","content":" Done.","tool_calls":[{"id":"tooluse_B","function":{"name":"clock","arguments":""}}]}}],
 "usage":{"prompt_tokens":80,"completion_tokens":20,"total_tokens":100}})";

TEST_CASE("Claude's answer in several choices becomes one") {
  CHECK(repaired(claude_whole) ==
        parsed(R"({"id":"u2","object":"chat.completion","created":1790000002,"model":"asked",
    "choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":"Looking it up. Done.","tool_calls":[
      {"id":"tooluse_A","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}},
      {"id":"tooluse_B","type":"function","function":{"name":"clock","arguments":"{}"}}]}}],
    "usage":{"prompt_tokens":80,"completion_tokens":20,"total_tokens":100}})"));
}

TEST_CASE("several choices stay several when several were asked for") {
  json::value const answer = repaired(claude_whole, 3);
  REQUIRE(answer.at("choices").as_array().size() == 3);
  CHECK(at(answer, "/choices/2/index") == 2);
  CHECK(at(answer, "/choices/2/finish_reason") == "tool_calls");
}

TEST_CASE("a whole answer gets what it lacks and keeps the rest") {
  CHECK(
      repaired(R"({"choices":[{"message":{"content":"a","x":1}}],"y":[1.5]})") ==
      parsed(
          R"({"id":"chatcmpl-ours","object":"chat.completion","created":1800000000,"model":"asked","y":[1.5],
          "choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"a","x":1}}]})"));
  CHECK(
      at(repaired(
             R"({"choices":[{"message":{"content":"a","tool_calls":[]},"finish_reason":"length"}]})"),
         "/choices/0/finish_reason") == "length");
  CHECK_FALSE(has(repaired(R"({"choices":[{"message":{"content":"a","tool_calls":[]}}]})"),
                  "/choices/0/message/tool_calls"));
}

TEST_CASE("a body that is no answer is an error") {
  auto const code = [](std::string_view body) {
    auto const result = repair_completion(body, options(), 1);
    REQUIRE_FALSE(result.has_value());
    return result.error().code();
  };
  CHECK(code("") == ErrorCode::bad_upstream_json);
  CHECK(code("[]") == ErrorCode::bad_upstream_json);
  CHECK(code("{}") == ErrorCode::bad_upstream_json);
  CHECK(code(R"({"choices":[]})") == ErrorCode::bad_upstream_json);
  CHECK(code(R"({"choices":null,"id":"x"})") == ErrorCode::bad_upstream_json);
  CHECK(code(R"({"choices":[1]})") == ErrorCode::bad_upstream_json);
  CHECK(code(R"({"error":{"message":"no"}})") == ErrorCode::upstream_interrupted);
  CHECK(code(R"({"error":{"code":"rate_limited","message":"no"}})") == ErrorCode::rate_limited);
  CHECK(code(R"({"choices":[{"finish_reason":"error","message":{}}]})") ==
        ErrorCode::upstream_interrupted);
  CHECK(code(R"({"choices":null,"copilot_errors":[{"message":"m"}]})") ==
        ErrorCode::upstream_interrupted);
}

TEST_CASE("many large chunks that are all different cost no more memory than one") {
  ChatStreamRepair repair(options());
  for (int i = 0; i < 200; ++i) {
    // Every other one has a member of its own, so that no two are alike.
    std::string const own = "\"m" + std::to_string(i) + "\":" + std::string(i % 2 ? "1" : "[2]");
    std::string const event =
        R"({"id":"1","object":"chat.completion.chunk","created":1,"model":"m",)" + own +
        R"(,"choices":[{"index":0,"delta":{"content":")" + std::string(16'000, 'x') + R"("}}]})";
    auto chunks = repair.event(event);
    REQUIRE(chunks.has_value());
    REQUIRE((*chunks)->size() == 1);
  }
  CHECK(repair.text_bytes() == 200 * 16'000);
}

}  // namespace
}  // namespace jumpseat
