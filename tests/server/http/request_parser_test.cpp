// The parser alone: bytes in, one request or a refusal out, wherever the bytes are cut. What an
// attacker sends is in tests/e2e/http_wire.test.mjs, against the real process.
#include "server/http/request_parser.h"

#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "tests/support/show.h"

using namespace jumpseat;

namespace {

std::string const head =
    "POST http://localhost:1/v1/chat?x=1&y HTTP/1.1\r\nHost: localhost:1\r\nX-Empty:\r\n"
    "Content-Type:  application/json \r\nTransfer-Encoding: Chunked\r\n\r\n";

ErrorCode code_of(std::string const& bytes, RequestLimits const& limits = {}) {
  RequestParser parser(limits);
  auto const read = parser.read_head(bytes);
  return read ? ErrorCode::internal : read.error().code();
}

}  // namespace

TEST_CASE("a head is read into its parts") {
  RequestLimits const limits;
  RequestParser parser(limits);
  auto const read = parser.read_head(head + "rest");
  REQUIRE(read);
  CHECK(*read == RequestParser::Head::whole);
  CHECK(parser.head_size() == head.size());
  CHECK(parser.method() == HttpMethod::post);
  CHECK(parser.method_name(head) == "POST");
  CHECK(parser.authority(head) == "localhost:1");
  CHECK(parser.path(head) == "/v1/chat");
  CHECK(parser.query(head) == "x=1&y");
  CHECK(parser.http11());
  CHECK(parser.keep_alive());
  CHECK(parser.chunked());
  CHECK(parser.has_body());
  CHECK(parser.header(head, Header::content_type) == std::string_view("application/json"));
  CHECK(parser.header(head, "x-empty") == std::string_view());
  CHECK_FALSE(parser.header(head, "x-none"));
}

TEST_CASE("the views follow the bytes to where they have moved") {
  RequestLimits const limits;
  RequestParser parser(limits);
  {
    std::string const first = head;
    REQUIRE(parser.read_head(first));
  }
  std::string const moved = head;
  CHECK(parser.path(moved) == "/v1/chat");
  CHECK(parser.header(moved, "host") == std::string_view("localhost:1"));
}

TEST_CASE("a head that comes in two pieces is the same head") {
  RequestLimits const limits;
  for (std::size_t cut = 0; cut < head.size(); ++cut) {
    RequestParser parser(limits);
    auto part = parser.read_head(head.substr(0, cut));
    REQUIRE(part);
    CHECK(*part == RequestParser::Head::part);
    auto whole = parser.read_head(head);
    REQUIRE(whole);
    CHECK(*whole == RequestParser::Head::whole);
    CHECK(parser.path(head) == "/v1/chat");
  }
}

TEST_CASE("a chunked body is the same however it is cut, and says where it ends") {
  RequestLimits const limits;
  std::string const chunks =
      "5;a=b\r\nhello\r\n1\r\n \r\n005\r\nworld\r\n0\r\nX-Trailer: t\r\n\r\n";
  std::string const after = "GET / HTTP/1.1\r\n";
  for (std::size_t cut = 0; cut <= chunks.size(); ++cut) {
    RequestParser parser(limits);
    REQUIRE(parser.read_head(head));
    std::string body;
    auto bytes = chunks.substr(0, cut);
    auto used = parser.read_chunks(bytes, body);
    REQUIRE(used);
    bytes.erase(0, *used);
    bytes += chunks.substr(cut) + after;
    used = parser.read_chunks(bytes, body);
    REQUIRE(used);
    CHECK(parser.body_complete());
    CHECK(body == "hello world");
    CHECK(bytes.substr(*used) == after);
  }
}

TEST_CASE("the same parser reads one request after the other") {
  RequestLimits const limits;
  RequestParser parser(limits);
  REQUIRE(parser.read_head(head));
  parser.reset();
  std::string const next = "GET /health HTTP/1.0\r\nHost: h\r\n\r\n";
  auto const read = parser.read_head(next);
  REQUIRE(read);
  CHECK(parser.method() == HttpMethod::get);
  CHECK_FALSE(parser.http11());
  CHECK_FALSE(parser.keep_alive());
  CHECK_FALSE(parser.has_body());
  CHECK(parser.query(next).empty());
  CHECK(parser.authority(next).empty());
  CHECK_FALSE(parser.header(next, "transfer-encoding"));
}

TEST_CASE("limits hold") {
  RequestLimits limits;
  limits.head = 200;
  limits.headers = 3;
  limits.body = 10;
  std::string const start = "POST / HTTP/1.1\r\nHost: h\r\n";
  CHECK(code_of(start + "A: b\r\nB: c\r\nC: d\r\n\r\n", limits) ==
        ErrorCode::request_headers_too_large);
  CHECK(code_of(start + "A: " + std::string(200, 'x'), limits) ==
        ErrorCode::request_headers_too_large);
  CHECK(code_of(start + "Content-Length: 11\r\n\r\n", limits) == ErrorCode::request_too_large);
  CHECK(code_of(start + "Content-Length: 10\r\n\r\n", limits) == ErrorCode::internal);

  RequestParser parser(limits);
  REQUIRE(parser.read_head(start + "Transfer-Encoding: chunked\r\n\r\n"));
  std::string body;
  auto const read = parser.read_chunks("6\r\nabcdef\r\n5\r\n", body);
  REQUIRE_FALSE(read);
  CHECK(read.error().code() == ErrorCode::request_too_large);
}

TEST_CASE("chunk headers may not outweigh the content without end") {
  RequestLimits limits;
  limits.chunk_overhead = 100;
  RequestParser parser(limits);
  REQUIRE(parser.read_head(head));
  std::string chunks;
  for (int i = 0; i < 40; ++i) chunks += "1;x=y\r\na\r\n";
  std::string body;
  auto const read = parser.read_chunks(chunks, body);
  REQUIRE_FALSE(read);
  CHECK(read.error().code() == ErrorCode::malformed_request);
}
