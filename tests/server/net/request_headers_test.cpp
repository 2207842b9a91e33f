// The fields of a request as one block: what is taken, what is refused, and that it reads back.
#include "server/net/request_headers.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

using namespace jumpseat;

namespace {

std::vector<std::pair<std::string, std::string>> fields_of(RequestHeaders const& headers) {
  std::vector<std::pair<std::string, std::string>> fields;
  headers.for_each(
      [&](std::string_view name, std::string_view value) { fields.emplace_back(name, value); });
  return fields;
}

}  // namespace

TEST_CASE("fields are lines of HTTP/1.1 and read back as they were added") {
  RequestHeaders headers;
  CHECK(headers.lines().empty());
  CHECK(fields_of(headers).empty());
  headers.add("Content-Type", "application/json");
  headers.add("X-Empty", "");
  headers.add("X-Odd", "a: b:\tc  ");
  headers.add("X-Blank", " first");
  headers.add_unless_empty("X-Left-Out", "");
  headers.add_unless_empty("x-last", "1");
  CHECK(headers.well_formed());
  CHECK(headers.lines() ==
        "Content-Type: application/json\r\nX-Empty:\r\nX-Odd: a: b:\tc  \r\n"
        "X-Blank:  first\r\nx-last: 1\r\n");
  CHECK(fields_of(headers) ==
        std::vector<std::pair<std::string, std::string>>{{"Content-Type", "application/json"},
                                                         {"X-Empty", ""},
                                                         {"X-Odd", "a: b:\tc  "},
                                                         {"X-Blank", " first"},
                                                         {"x-last", "1"}});
}

TEST_CASE("a field that would break the request is left out and not forgotten") {
  for (std::string const name : {"", "a b", "a:b", "a\r", "a\n", "\xc3\xa4", "a\x7f", "(a)"}) {
    CAPTURE(name);
    RequestHeaders headers;
    headers.add("Good", "1");
    headers.add(name, "value");
    CHECK_FALSE(headers.well_formed());
    headers.add("Better", "2");
    CHECK_FALSE(headers.well_formed());
    CHECK(headers.lines() == "Good: 1\r\nBetter: 2\r\n");
  }
  for (char const control : {'\0', '\x01', '\r', '\n', '\x1f', '\x7f'}) {
    for (std::size_t at = 0; at < 20; ++at) {
      CAPTURE(static_cast<int>(control), at);
      std::string value(20, 'v');
      value[at] = control;
      RequestHeaders headers;
      headers.add("Name", value);
      CHECK_FALSE(headers.well_formed());
      CHECK(headers.lines().empty());
    }
  }
  RequestHeaders headers;
  headers.add("Name", "\t \x80\xff~!");
  CHECK(headers.well_formed());
}

TEST_CASE("a block of fields is added with all that is known of it") {
  RequestHeaders common;
  common.add("ACCEPT", "text/plain");
  CHECK(common.accepts());
  RequestHeaders headers;
  headers.add("Accept-Encoding", "identity");
  CHECK_FALSE(headers.accepts());
  headers.add(common);
  CHECK(headers.accepts());
  CHECK(headers.well_formed());
  CHECK(headers.lines() == "Accept-Encoding: identity\r\nACCEPT: text/plain\r\n");

  common.add("bad name", "");
  headers.add(common);
  CHECK_FALSE(headers.well_formed());
}
