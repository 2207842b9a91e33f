#include "protocol/chunk_pattern.h"

#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "protocol/scan.h"

namespace jumpseat {
namespace {

// As GitHub writes them, and as they go out.
std::string event_of(std::string_view text, int offset = 30) {
  std::string const number = std::to_string(offset);
  return R"({"choices":[{"index":0,"content_filter_offsets":{"check_offset":)" + number +
         R"(},"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"delta":{"content":")" +
         std::string(text) + R"("}}],"created":1790000001,"id":"c1","model":"gpt-x"})";
}
std::string chunk_of(std::string_view text, int offset = 30) {
  std::string const number = std::to_string(offset);
  return R"({"choices":[{"index":0,"content_filter_offsets":{"check_offset":)" + number +
         R"(},"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"delta":{"content":")" +
         std::string(text) +
         R"("},"finish_reason":null}],"created":1790000001,"id":"c1","model":"asked","object":"chat.completion.chunk"})";
}

ChunkPattern learnt(std::string_view event, std::string_view chunk) {
  ChunkPattern pattern;
  pattern.learn(event, chunk);
  return pattern;
}

TEST_CASE("an event that differs in its text becomes its chunk") {
  auto pattern = learnt(event_of("Hello"), chunk_of("Hello"));
  for (std::string const text : {"", " ", ", you", R"(\"quoted\" \\ \n)", "größe 日本語"}) {
    CAPTURE(text);
    std::string const event = event_of(text);  // a match looks into it
    REQUIRE(pattern.match(event));
    CHECK(pattern.chunk() == chunk_of(text));
    REQUIRE(pattern.pieces().size() == 1);
    auto const& piece = pattern.pieces().front();
    CHECK(piece.key == "content");
    CHECK_FALSE(piece.call.has_value());
    CHECK(pattern.value(piece) == '"' + text + '"');
    CHECK(pattern.text_size(piece) == unescape(pattern.value(piece)).size());
    CHECK(pattern.chunk_without_pieces() == chunk_of(""));
  }
}

TEST_CASE("counters of the content filter may differ too") {
  auto pattern = learnt(event_of("Hello"), chunk_of("Hello"));
  std::string const event = event_of("a", 1234);
  REQUIRE(pattern.match(event));
  CHECK(pattern.chunk() == chunk_of("a", 1234));
  CHECK_FALSE(pattern.only_pieces());
}

TEST_CASE("what else differs does not match") {
  auto pattern = learnt(event_of("Hello"), chunk_of("Hello"));
  std::string const event = event_of("x");
  auto const with = [&event](std::string_view old, std::string_view now) {
    std::string out = event;
    out.replace(out.find(old), old.size(), now);
    return out;
  };
  CHECK_FALSE(pattern.match(""));
  CHECK_FALSE(pattern.match("{"));
  CHECK_FALSE(pattern.match(with("\"c1\"", "\"c2\"")));
  CHECK_FALSE(pattern.match(with("1790000001", "1790000002")));
  CHECK_FALSE(pattern.match(with("\"index\":0", "\"index\":1")));
  CHECK_FALSE(pattern.match(with("\"x\"}", "null}")));
  CHECK_FALSE(pattern.match(with("\"x\"}", "\"x\",\"role\":\"assistant\"}")));
  CHECK_FALSE(pattern.match(event + " "));
  CHECK_FALSE(pattern.match(event.substr(0, event.size() - 1)));
  for (std::string_view const text :
       {"\\u0041", "\\ud800", "\\x", "\x01", "\xC3", "\xED\xA0\x80", "\\", "a\"b"}) {
    CAPTURE(text);
    CHECK_FALSE(pattern.match(event_of(text)));
  }
  for (std::string_view const number : {"01", "1.5", "1e3", "-", "\"30\"", "1234567890123456"}) {
    CAPTURE(number);
    CHECK_FALSE(pattern.match(with("30", number)));
  }
  CHECK(pattern.match(event));
  pattern.forget();
  CHECK_FALSE(pattern.match(event));
}

TEST_CASE("every cut of an event is no match") {
  auto pattern = learnt(event_of("Hello"), chunk_of("Hello"));
  std::string const event = event_of(R"(größe \" x)");
  for (std::size_t i = 0; i < event.size(); ++i) {
    CAPTURE(i);
    CHECK_FALSE(pattern.match(std::string_view(event).substr(0, i)));
  }
}

std::string call(std::string_view members, std::string_view index = "0") {
  return R"({"id":"c1","choices":[{"index":2,"delta":{"tool_calls":[{"index":)" +
         std::string(index) + "," + std::string(members) + R"(}]},"finish_reason":null}]})";
}

TEST_CASE("arguments of a call are a piece under the index that goes out") {
  auto pattern = learnt(call(R"("function":{"arguments":"{\"a"})"),
                        call(R"("function":{"arguments":"{\"a"})", "1"));
  std::string const event = call(R"("function":{"arguments":"\":1}"})");
  REQUIRE(pattern.match(event));
  CHECK(pattern.chunk() == call(R"("function":{"arguments":"\":1}"})", "1"));
  CHECK(pattern.choice() == 2);
  REQUIRE(pattern.pieces().size() == 1);
  CHECK(pattern.pieces().front().call == 1);
  CHECK(pattern.pieces().front().key == "arguments");
  CHECK(pattern.only_pieces());
}

TEST_CASE("an event that does more than bring text is not learnt") {
  auto const delta = [](std::string_view members, std::string_view more = "") {
    return R"({"id":"c1","choices":[{"index":0,"delta":{)" + std::string(members) +
           R"(},"finish_reason":null}])" + std::string(more) + "}";
  };
  std::string const event = GENERATE_COPY(values<std::string>({
      call(R"("id":"A","function":{"arguments":"{"})"),
      call(R"("function":{"name":"f","arguments":"{"})"),
      call(R"("function":{"arguments":""})"),
      delta(R"("role":"assistant","content":"x")"),
      delta(R"("role":"tool","content":"[]")"),
      delta(R"("content":"x")", R"(,"error":{"message":"no"})"),
      delta(R"("content":"x")", R"(,"copilot_annotations":{"a":1})"),
      delta(R"("content":"x")", R"(,"some_text":"y")"),
      delta(R"("content":"x","parts":[1])"),
      delta(R"("content":"x","function_call":{"arguments":"{"})"),
      delta(R"("content":"x","content":"y")"),
      delta(R"("cont\u0065nt":"x")"),
      delta(R"("content":null)"),
      R"({"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]})",
      R"({"choices":[{"delta":{"content":"x"}}]})",
      R"({"choices":[{"index":0,"delta":{"content":"x"}},{"index":1,"delta":{"content":"x"}}]})",
      R"({"choices":[]})",
      R"([1])",
      R"("text")",
  }));
  CAPTURE(event);
  CHECK_FALSE(learnt(event, event).match(event));
}

TEST_CASE("a text that went out in another spelling is not learnt") {
  auto const event = [](std::string_view text) {
    return R"({"choices":[{"index":0,"delta":{"content":")" + std::string(text) + R"("}}]})";
  };
  CHECK_FALSE(learnt(event("\\/"), event("/")).match(event("\\/")));
  CHECK(learnt(event("/"), event("/")).match(event("\\/")));
}

}  // namespace
}  // namespace jumpseat
