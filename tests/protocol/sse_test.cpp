#include "protocol/sse.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

struct Event {
  std::string event, data, raw;
};

struct Read {
  std::vector<Event> events;
  std::string remainder;
  bool failed = false;
  bool started = false;
};

void drain(SseReader& reader, Read& read) {
  for (;;) {
    auto const next = reader.next();
    if (!next) {
      CHECK(next.error().code() == ErrorCode::upstream_body_too_large);
      read.failed = true;
      return;
    }
    if (!*next) return;
    SseEvent const& event = **next;
    read.events.push_back(
        {std::string(event.event), std::string(event.data), std::string(event.raw)});
  }
}

enum class Feed { copied, taken_over };
Read read_pieces(std::vector<std::string_view> const& pieces, std::size_t max, Feed how) {
  SseReader reader(max);
  Read read;
  for (std::string_view piece : pieces) {
    if (how == Feed::copied) {
      reader.feed(piece);
    } else {
      std::string bytes = reader.give_away();
      bytes = piece;
      reader.take_over(std::move(bytes));
    }
    drain(reader, read);
  }
  read.remainder = reader.remainder();
  read.started = reader.started();
  return read;
}

// Both ways of feeding say the same.
Read read_pieces(std::vector<std::string_view> const& pieces, std::size_t max = 1u << 20) {
  Read const read = read_pieces(pieces, max, Feed::copied);
  Read const other = read_pieces(pieces, max, Feed::taken_over);
  CHECK(other.remainder == read.remainder);
  CHECK(other.failed == read.failed);
  CHECK(other.started == read.started);
  REQUIRE(other.events.size() == read.events.size());
  for (std::size_t i = 0; i < read.events.size(); ++i) {
    CHECK(other.events[i].event == read.events[i].event);
    CHECK(other.events[i].data == read.events[i].data);
    CHECK(other.events[i].raw == read.events[i].raw);
  }
  return read;
}

Read read_all(std::string_view text, std::size_t max = 1u << 20) {
  return read_pieces({text}, max);
}

std::vector<std::string> data_of(Read const& read) {
  std::vector<std::string> out;
  for (Event const& event : read.events) out.push_back(event.data);
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

using Texts = std::vector<std::string>;

TEST_CASE("an event is its data lines, joined, with the space after the colon taken off") {
  CHECK(data_of(read_all("data: a\n\n")) == Texts{"a"});
  CHECK(data_of(read_all("data:a\n\n")) == Texts{"a"});
  CHECK(data_of(read_all("data:  a \n\n")) == Texts{" a "});
  CHECK(data_of(read_all("data: a\ndata: b\ndata\ndata: c\n\n")) == Texts{"a\nb\n\nc"});
  CHECK(data_of(read_all("data: a\n\ndata: b\n\n")) == Texts{"a", "b"});
  CHECK(data_of(read_all("data:\n\n")) == Texts{""});
  CHECK(data_of(read_all("data: x:y: z\n\n")) == Texts{"x:y: z"});
}

TEST_CASE("an event has a name, a message has none") {
  auto const read =
      read_all("event: ping\ndata: 1\n\ndata: 2\n\nevent:first\nevent: second\ndata: 3\n\n");
  REQUIRE(read.events.size() == 3);
  CHECK(read.events[0].event == "ping");
  CHECK(read.events[1].event == "");
  CHECK(read.events[2].event == "second");
}

TEST_CASE("comments, other fields and events without data are passed over") {
  CHECK(data_of(read_all(": hello\n\n:\n\nid: 7\nretry: 10\n\nevent: none\n\nnonsense\n\n")) ==
        Texts{});
  CHECK(data_of(read_all(": hello\ndata: a\nid: 1\n: inside\ndatum: x\n\n")) == Texts{"a"});
}

TEST_CASE("an event's raw bytes are its own, blank line included") {
  auto const read = read_all(": comment\n\n: another\nevent: e\r\ndata: a\r\n\r\ndata: b\n\n");
  REQUIRE(read.events.size() == 2);
  CHECK(read.events[0].raw == "event: e\r\ndata: a\r\n\r\n");
  CHECK(read.events[1].raw == "data: b\n\n");
}

TEST_CASE("what no blank line ended is the remainder") {
  CHECK(read_all("data: a\n\n").remainder == "");
  CHECK(read_all("data: a\n\ndata: b\n").remainder == "data: b\n");
  CHECK(read_all(R"({"error":{"message":"no"}})").remainder == R"({"error":{"message":"no"}})");
  CHECK(read_all("data: [DONE]").remainder == "data: [DONE]");
}

TEST_CASE("a block that begins with a brace is an event of its own") {
  auto const read = read_all("data: a\n\n{\"error\":{\n \"message\":\"no\"}}\n\ndata: b\n\n");
  CHECK(data_of(read) == Texts{"a", "{\"error\":{\n \"message\":\"no\"}}", "b"});
}

TEST_CASE("a byte-order mark is dropped at the start and only there") {
  CHECK(data_of(read_all("\xEF\xBB\xBF"
                         "data: a\n\n")) == Texts{"a"});
  CHECK(data_of(read_all("\xEF\xBB\xBF\xEF\xBB\xBF"
                         "data: a\n\n")) == Texts{});
  CHECK(data_of(read_all("\xEF\xBB"
                         "data: a\n\ndata: b\n\n")) == Texts{"b"});
  CHECK(data_of(read_all("data: a\n\n\xEF\xBB\xBF"
                         "data: b\n\n")) == Texts{"a"});
}

TEST_CASE("started says whether the peer speaks SSE") {
  CHECK_FALSE(read_all("").started);
  CHECK_FALSE(read_all("data: half").started);
  CHECK_FALSE(read_all("\n\n").started);
  CHECK_FALSE(read_all("<html>\n<body>\n").started);
  CHECK_FALSE(read_all("{\"error\":1}\n").started);
  CHECK(read_all(": ping\n").started);
  CHECK(read_all("event: x\n").started);
  CHECK(read_all("data: x\n").started);
}

TEST_CASE("U8: cut anywhere, with any line ends, a stream reads the same") {
  std::string_view const sample =
      ": hello\n\nevent: first\ndata: {\"a\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"}\n\n"
      "data: one\ndata: two\n: in between\n\n\n\nid: 3\n\ndata:\n\n{\"bare\":1}\n\ndata: "
      "[DONE]\n\nleft";
  Texts const expected = {"{\"a\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"}", "one\ntwo", "",
                          "{\"bare\":1}", "[DONE]"};
  for (std::string_view ends : {"\n", "\r\n", "\r"}) {
    for (std::string_view mark : {"", "\xEF\xBB\xBF"}) {
      std::string const text = std::string(mark) + with_line_ends(sample, ends);
      Read const whole = read_all(text);
      REQUIRE(data_of(whole) == expected);
      CHECK(whole.events.front().event == "first");
      CHECK(whole.remainder == "left");
      std::string_view const all = text;
      for (std::size_t cut = 0; cut <= all.size(); ++cut) {
        INFO("cut at " << cut);
        Read const read = read_pieces({all.substr(0, cut), all.substr(cut)});
        REQUIRE(data_of(read) == expected);
        REQUIRE(read.events.front().event == "first");
        REQUIRE(read.remainder == "left");
      }
      std::vector<std::string_view> bytes;
      for (std::size_t i = 0; i < all.size(); ++i) bytes.push_back(all.substr(i, 1));
      CHECK(data_of(read_pieces(bytes)) == expected);
    }
  }
}

TEST_CASE("an event that ends in CR alone is not held back for the LF that may follow") {
  SseReader reader;
  reader.feed("data: a\r\n\r");
  Read read;
  drain(reader, read);
  CHECK(data_of(read) == Texts{"a"});
  reader.feed("\ndata: b\r\n\r\n");
  drain(reader, read);
  CHECK(data_of(read) == Texts{"a", "b"});
  CHECK(read.events[1].raw == "data: b\r\n\r\n");
  CHECK(reader.remainder().empty());
}

TEST_CASE("U19: an event beyond the limit fails, and stays failed") {
  std::string const fits = "data: " + std::string(93, 'x') + "\n\n";
  REQUIRE(fits.size() == 101);
  CHECK(data_of(read_all(fits + fits, 100)).size() == 2);
  CHECK(read_all("data: " + std::string(94, 'x') + "\n\n", 100).failed);
  CHECK(read_all("data: " + std::string(200, 'x'), 100).failed);
  CHECK_FALSE(read_all("data: " + std::string(92, 'x') + "\r\n\r\n", 100).failed);

  SseReader reader(100);
  Read read;
  for (int i = 0; i < 1000 && !read.failed; ++i) {
    reader.feed("data: one of many lines\n");
    drain(reader, read);
  }
  CHECK(read.failed);
  CHECK(read.events.empty());
  reader.feed("\n\ndata: a\n\n");
  CHECK_FALSE(reader.next().has_value());
  CHECK(reader.remainder().empty());
}

TEST_CASE("U19: a stream of comments without end does not pile up") {
  SseReader reader(100);
  Read read;
  for (int i = 0; i < 1000; ++i) {
    reader.feed(": still there\n");
    drain(reader, read);
  }
  CHECK_FALSE(read.failed);
  CHECK(reader.remainder().empty());
  reader.feed("data: a\n\n");
  drain(reader, read);
  CHECK(data_of(read) == Texts{"a"});
}

TEST_CASE("events are written so that they read back the same") {
  CHECK(sse_event("a") == "data: a\n\n");
  CHECK(sse_event("a", "error") == "event: error\ndata: a\n\n");
  CHECK(sse_event("a", "two\nlines") == "event: two\ndata: a\n\n");
  CHECK(sse_event("a\nb\r\nc\rd") == "data: a\ndata: b\ndata: c\ndata: d\n\n");
  CHECK(sse_event("") == "data: \n\n");
  for (std::string_view text : {"", "a", "a\n", "\na", "a\n\nb", "{\"a\":1}", " a"}) {
    CHECK(data_of(read_all(sse_event(text))) == Texts{std::string(text)});
  }
}

TEST_CASE("comments are written line by line and are read as nothing") {
  CHECK(sse_comment("ping") == ": ping\n\n");
  CHECK(sse_comment("a\nb") == ": a\n: b\n\n");
  CHECK(data_of(read_all(sse_comment("a\ndata: no") + sse_event("yes"))) == Texts{"yes"});
}

}  // namespace
}  // namespace jumpseat
