#include "protocol/framing.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

using namespace std::string_literals;

// What a stream of bytes gave, one line per event, and whether it ended between frames.
struct Outcome {
  std::vector<std::string> events;
  bool at_boundary = true;
  friend bool operator==(Outcome const&, Outcome const&) = default;
};

std::ostream& operator<<(std::ostream& out, Outcome const& outcome) {
  for (std::string const& event : outcome.events) out << '[' << event << "] ";
  return out << (outcome.at_boundary ? "at a boundary" : "inside a frame");
}

// Takes all events that are there. False when the stream is broken.
bool drain(FrameReader& reader, std::vector<std::string>& events) {
  while (true) {
    FrameReader::Event const event = reader.next();
    if (std::holds_alternative<FrameReader::Incomplete>(event)) return true;
    if (auto const* body = std::get_if<FrameReader::Body>(&event)) {
      events.push_back("body " + std::string(body->text));
    } else if (auto const* oversized = std::get_if<FrameReader::Oversized>(&event)) {
      events.push_back("oversized " + std::to_string(oversized->length));
    } else {
      events.push_back("broken: " + std::get<FrameReader::Broken>(event).why);
      return false;
    }
  }
}

// Feeds `pieces` one after the other, with a look for events after each.
Outcome read(std::vector<std::string_view> const& pieces, FrameLimits limits) {
  FrameReader reader(limits);
  Outcome outcome;
  for (std::string_view const piece : pieces) {
    reader.feed(piece);
    if (!drain(reader, outcome.events)) break;
  }
  outcome.at_boundary = reader.at_boundary();
  return outcome;
}

constexpr FrameLimits small_limits{.max_body = 40, .max_header = 64};

struct Sample {
  std::string bytes;
  std::vector<std::string> events;
  bool at_boundary = true;
};

std::string frame(std::string_view body) { return frame_header(body.size()) + std::string(body); }

std::vector<Sample> samples() {
  std::string const too_long = "broken: message header too long";
  std::string const not_header = "broken: not a message header; expected Content-Length";
  return {
      {"", {}},
      {frame("{}"), {"body {}"}},
      {frame("{\"a\":\"\xC3\xBC\xE4\xB8\x96\"}"), {"body {\"a\":\"\xC3\xBC\xE4\xB8\x96\"}"}},
      {frame("1") + frame("22") + frame("333"), {"body 1", "body 22", "body 333"}},
      {frame("Content-Length: 5\r\n\r\nhello"), {"body Content-Length: 5\r\n\r\nhello"}},
      {frame("a\0b\r\n\r\n"s), {"body a\0b\r\n\r\n"s}},
      {frame(""), {"body "}},
      {frame("") + frame("x"), {"body ", "body x"}},
      // C11: what editors do.
      {"Content-Length: 2\n\n{}", {"body {}"}},
      {"Content-Length: 2\r\n\n{}", {"body {}"}},
      {"Content-Length: 2\n\r\n{}", {"body {}"}},
      {"content-length: 2\r\n\r\n{}", {"body {}"}},
      {"CONTENT-LENGTH: 2\r\n\r\n{}", {"body {}"}},
      {"Content-Length:2\r\n\r\n{}", {"body {}"}},
      {"Content-Length: \t 2 \t\r\n\r\n{}", {"body {}"}},
      {"Content-Length: 0002\r\n\r\n{}", {"body {}"}},
      {"X: y\r\nContent-Length: 2\r\n\r\n{}", {"body {}"}},
      {"Content-Length: 2\r\nX-Thing:\r\n\r\n{}", {"body {}"}},
      {"Content-Length: 2\r\nX: \xFF\x01 : \"\r\n\r\n{}", {"body {}"}},
      {"\r\n\nContent-Length: 2\r\n\r\n{}\r\n\r\nContent-Length: 1\r\n\r\n1\n",
       {"body {}", "body 1"}},
      // Unfinished.
      {"C", {}, false},
      {"\r", {}, false},
      {"Content-Length: 2", {}, false},
      {"Content-Length: 2\r\n", {}, false},
      {"Content-Length: 2\r\n\r", {}, false},
      {"Content-Length: 2\r\n\r\n", {}, false},
      {"Content-Length: 2\r\n\r\n{", {}, false},
      {frame("{}") + "Content-Len", {"body {}"}, false},
      // C11: what cannot be a frame.
      {"\r\nX: y\r\n\r\n{}", {"broken: message header without Content-Length"}, false},
      {"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
       {"broken: Content-Length given twice"},
       false},
      {"Content-Length: 2\r\ncontent-length: 3\r\n\r\n{}",
       {"broken: Content-Length given twice"},
       false},
      {"Content-Length: -2\r\n\r\n{}", {"broken: Content-Length is not a number"}, false},
      {"Content-Length: +2\r\n\r\n{}", {"broken: Content-Length is not a number"}, false},
      {"Content-Length: two\r\n\r\n{}", {"broken: Content-Length is not a number"}, false},
      {"Content-Length: 2x\r\n\r\n{}", {"broken: Content-Length is not a number"}, false},
      {"Content-Length: 2 2\r\n\r\n{}", {"broken: Content-Length is not a number"}, false},
      {"Content-Length: 0x2\r\n\r\n{}", {"broken: Content-Length is not a number"}, false},
      {"Content-Length: 2.0\r\n\r\n{}", {"broken: Content-Length is not a number"}, false},
      {"Content-Length: 2,2\r\n\r\n{}", {"broken: Content-Length is not a number"}, false},
      {"Content-Length:\r\n\r\n{}", {"broken: Content-Length is not a number"}, false},
      {"Content-Length: 2\r\r\n\r\n{}", {"broken: Content-Length is not a number"}, false},
      {"Content-Length: 99999999999999999999\r\n\r\n",
       {"broken: Content-Length is too large"},
       false},
      {"Content-Length: 9223372036854775808\r\n\r\n",
       {"broken: Content-Length is too large"},
       false},
      {"Content-Length: 18446744073709551618\r\n\r\n{}",
       {"broken: Content-Length is too large"},
       false},
      {frame("{}") + "{\"junk\":1}\r\n" + frame("{}"), {"body {}", not_header}, false},
      {frame("{}") + "}" + frame("{}"), {"body {}", not_header}, false},
      {"{\"jsonrpc\":\"2.0\"}\n", {not_header}, false},
      {"Content-Length 2\r\n\r\n{}", {not_header}, false},
      {"Content-Length : 2\r\n\r\n{}", {not_header}, false},
      {" Content-Length: 2\r\n\r\n{}", {not_header}, false},
      {"Content-Length: 2\r\n X: y\r\n\r\n{}", {not_header}, false},
      {": 2\r\n\r\n{}", {not_header}, false},
      {"\0: 2\r\n\r\n{}"s, {not_header}, false},
      {"\xEF\xBB\xBF"
       "Content-Length: 2\r\n\r\n{}",
       {not_header},
       false},
      {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", {not_header}, false},
      // The header limit here is 64 bytes.
      {"Content-Length: 2\r\nX: " + std::string(38, 'x') + "\r\n\r\n{}", {"body {}"}},
      {"Content-Length: 2\r\nX: " + std::string(39, 'x') + "\r\n\r\n{}", {too_long}, false},
      {"Content-Length: 2\r\nX: " + std::string(40, 'x') + "\n\n{}", {"body {}"}},
      {"Content-Length: 2\r\nX: " + std::string(41, 'x') + "\n\n{}", {too_long}, false},
      {std::string(65, 'x'), {too_long}, false},
      {std::string(64, 'x'), {}, false},
      // C5: the body limit here is 40 bytes.
      {frame(std::string(40, 'b')) + frame("x"), {"body " + std::string(40, 'b'), "body x"}},
      {frame(std::string(41, 'b')) + frame("x"), {"oversized 41", "body x"}},
      {frame(std::string(300, 'b')) + frame(std::string(41, 'c')) + frame("x"),
       {"oversized 300", "oversized 41", "body x"}},
      {frame(std::string(41, 'b')), {"oversized 41"}},
      {"Content-Length: 41\r\n\r\nbbb", {"oversized 41"}, false},
      {"Content-Length: 41\r\n\r\n", {"oversized 41"}, false},
      {"Content-Length: 9223372036854775807\r\n\r\nbbb", {"oversized 9223372036854775807"}, false},
  };
}

TEST_CASE("C11: every sample reads the same in one piece, split at every byte, and byte by byte") {
  for (Sample const& sample : samples()) {
    CAPTURE(sample.bytes);
    Outcome const expected{sample.events, sample.at_boundary};
    std::string_view const bytes = sample.bytes;
    CHECK(read({bytes}, small_limits) == expected);
    for (std::size_t split = 0; split <= bytes.size(); ++split) {
      CAPTURE(split);
      REQUIRE(read({bytes.substr(0, split), bytes.substr(split)}, small_limits) == expected);
    }
    std::vector<std::string_view> single;
    for (std::size_t i = 0; i < bytes.size(); ++i) single.push_back(bytes.substr(i, 1));
    CHECK(read(single, small_limits) == expected);
  }
}

TEST_CASE("C11: Content-Type with a charset is tolerated") {
  for (std::string_view const type :
       {"application/vscode-jsonrpc; charset=utf-8", "application/vscode-jsonrpc; charset=utf8",
        "application/vscode-jsonrpc;charset=\"UTF-8\"", "application/json"}) {
    CAPTURE(type);
    for (std::string const& header :
         {"Content-Type: " + std::string(type) + "\r\nContent-Length: 2\r\n\r\n",
          "Content-Length: 2\r\nContent-Type: " + std::string(type) + "\r\n\r\n"}) {
      CHECK(read({header + "{}"}, FrameLimits()) == Outcome{{"body {}"}});
    }
  }
}

TEST_CASE("a broken stream stays broken, for the same reason, and holds no memory") {
  FrameReader reader;
  reader.feed("junk\r\n");
  std::string const why = std::get<FrameReader::Broken>(reader.next()).why;
  CHECK(!why.empty());
  for (int i = 0; i < 100; ++i) reader.feed(frame(std::string(10'000, 'x')));
  CHECK(std::get<FrameReader::Broken>(reader.next()).why == why);
  CHECK(!reader.at_boundary());
  CHECK(reader.capacity() <= 64u << 10);
}

TEST_CASE("C11: an endless header breaks the stream at the limit") {
  FrameReader reader;
  std::vector<std::string> events;
  std::size_t fed = 0;
  while (drain(reader, events)) {
    reader.feed("x");
    ++fed;
    REQUIRE(fed <= FrameLimits().max_header + 1);
  }
  CHECK(fed == FrameLimits().max_header + 1);

  FrameReader many;
  events.clear();
  fed = 0;
  while (drain(many, events)) {
    many.feed("X: y\r\n");
    fed += 6;
    REQUIRE(fed <= FrameLimits().max_header + 6);
  }
  CHECK(events == std::vector<std::string>{"broken: message header too long"});
}

TEST_CASE("C5: a 100 MB message is skipped to the byte, in bounded memory, and the session lives") {
  FrameReader reader;
  std::vector<std::string> events;
  std::size_t left = 100u << 20;
  reader.feed(frame_header(left));
  REQUIRE(drain(reader, events));
  CHECK(events == std::vector<std::string>{"oversized " + std::to_string(left)});
  std::size_t most = 0;
  while (left != 0) {
    std::span<char> const space = reader.prepare();
    std::size_t const count = std::min(space.size(), left);
    std::memset(space.data(), '{', count);
    reader.commit(count);
    left -= count;
    most = std::max(most, reader.capacity());
    CHECK(!reader.at_boundary());
    REQUIRE(std::holds_alternative<FrameReader::Incomplete>(reader.next()));
  }
  CHECK(reader.at_boundary());
  CHECK(most <= 64u << 10);
  reader.feed(frame("{}"));
  REQUIRE(drain(reader, events));
  CHECK(events.back() == "body {}");
}

TEST_CASE("room is at least 16 KiB, and for a long body all that is left of it") {
  FrameReader reader;
  CHECK(reader.prepare().size() >= 16u << 10);
  std::size_t const length = 5u << 20;
  reader.feed(frame_header(length) + "abc");
  REQUIRE(std::holds_alternative<FrameReader::Incomplete>(reader.next()));
  std::span<char> const space = reader.prepare();
  CHECK(space.size() >= length - 3);
  CHECK(reader.capacity() <= length + (64u << 10));
  std::size_t const grown = reader.capacity();
  std::memset(space.data(), 'x', length - 3);
  reader.commit(length - 3);
  FrameReader::Event const event = reader.next();
  std::string_view const body = std::get<FrameReader::Body>(event).text;
  CHECK(body.size() == length);
  CHECK(body.substr(0, 4) == "abcx");
  CHECK(reader.capacity() == grown);  // grown once
  // Read into the place it is handed out from.
  CHECK(body.data() + 3 == space.data());
}

TEST_CASE("memory goes back after a long message") {
  std::string const text(10u << 20, 'x');
  FrameReader reader;
  std::vector<std::string> events;
  for (int round = 0; round < 3; ++round) {
    std::string const message = frame(text) + "Content-Length: 1\r\n\r\n";
    if (round == 0) {
      reader.feed(message);  // whole, before anybody asks
    } else {
      reader.feed(message.substr(0, 100'000));
      REQUIRE(drain(reader, events));
      reader.feed(message.substr(100'000));
    }
    REQUIRE(drain(reader, events));
    CHECK(events.back() == "body " + text);
    reader.prepare();
    CHECK(reader.capacity() <= 64u << 10);
    reader.feed("y");
    REQUIRE(drain(reader, events));
    CHECK(events.back() == "body y");
  }
  CHECK(events.size() == 6);
}

TEST_CASE("a part of a long body is taken with its memory, one of a short body is copied") {
  std::string const inside(1u << 20, 'x');
  for (bool const at_once : {false, true}) {
    CAPTURE(at_once);
    FrameReader reader;
    std::string const message = frame("<" + inside + ">") + frame("next");
    if (!at_once) {
      reader.feed(frame("short") + message.substr(0, 70'000));
      std::string_view const body = std::get<FrameReader::Body>(reader.next()).text;
      CHECK(reader.take(body.substr(1, 2)) == "ho");
      REQUIRE(std::holds_alternative<FrameReader::Incomplete>(reader.next()));
      reader.feed(message.substr(70'000));
    } else {
      reader.feed(message);
    }
    FrameReader::Event const event = reader.next();
    std::string_view const body = std::get<FrameReader::Body>(event).text;
    char const* const place = body.data();
    std::string const taken = reader.take(body.substr(1, inside.size()));
    CHECK(taken == inside);
    CHECK((taken.data() == place) == !at_once);
    CHECK(std::get<FrameReader::Body>(reader.next()).text == "next");
    CHECK(std::holds_alternative<FrameReader::Incomplete>(reader.next()));
    CHECK(reader.at_boundary());
  }
}

TEST_CASE("long bodies that follow each other in one piece are all there") {
  std::string const bytes = frame(std::string(100'000, 'a')) + frame(std::string(200'000, 'b')) +
                            frame("c") + frame(std::string(70'000, 'd'));
  for (std::size_t const piece : {1000u, 65'536u, 150'000u, 400'000u}) {
    CAPTURE(piece);
    FrameReader reader;
    std::string seen;
    std::string_view left = bytes;
    while (true) {
      FrameReader::Event const event = reader.next();
      if (auto const* body = std::get_if<FrameReader::Body>(&event)) {
        std::string const taken = seen.size() % 2 == 0 ? reader.take(body->text) : "";
        seen += body->text.empty() ? '-' : (taken.empty() ? body->text : taken).front();
      } else if (left.empty()) {
        break;
      } else {
        reader.feed(left.substr(0, piece));
        left.remove_prefix(std::min(piece, left.size()));
      }
    }
    CHECK(seen == "abcd");
    CHECK(reader.at_boundary());
  }
}

TEST_CASE("a body stays readable until the next bytes are asked for") {
  FrameReader reader;
  reader.feed(frame("first") + frame("second"));
  FrameReader::Event const first = reader.next();
  FrameReader::Event const second = reader.next();
  CHECK(std::holds_alternative<FrameReader::Incomplete>(reader.next()));
  CHECK(std::get<FrameReader::Body>(first).text == "first");
  CHECK(std::get<FrameReader::Body>(second).text == "second");
}

TEST_CASE("ten thousand messages in one read come out one by one") {
  std::string bytes;
  for (int i = 0; i < 10'000; ++i) bytes += frame(std::to_string(i));
  FrameReader reader;
  reader.feed(bytes);
  std::vector<std::string> events;
  REQUIRE(drain(reader, events));
  REQUIRE(events.size() == 10'000);
  CHECK(events.front() == "body 0");
  CHECK(events.back() == "body 9999");
  CHECK(reader.at_boundary());
}

TEST_CASE("frame_header writes what FrameReader reads") {
  CHECK(frame_header(0) == "Content-Length: 0\r\n\r\n");
  CHECK(frame_header(1234567) == "Content-Length: 1234567\r\n\r\n");
}

}  // namespace
}  // namespace jumpseat
