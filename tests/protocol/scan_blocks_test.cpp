#include "protocol/scan_blocks.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

namespace jumpseat::scan {
namespace {

using namespace std::string_literals;

// What may stand in a string and what may not, each with what makes it so.
std::vector<std::string> const pieces = {R"(\n)",
                                         R"(\")",
                                         R"(\\)",
                                         R"(\\\")",
                                         R"(\\\\)",
                                         R"(\u00e9)",
                                         R"(\uD83D\uDE00)",
                                         R"(\/)",
                                         R"(\b\f\r\t)",
                                         R"(\x)",
                                         R"(\u00e)",
                                         R"(\u00g0)",
                                         R"(\N)",
                                         R"(\)",
                                         "\\\xC3\xBC",
                                         "\\\n",
                                         "\n",
                                         "\x1F",
                                         "\0"s,
                                         "\x7F",
                                         "\xC3\xBC",
                                         "\xE4\xB8\x96",
                                         "\xE0\xA4\x85",
                                         "\xED\x95\x9C",
                                         "\xF0\x9F\x98\x80",
                                         "\xF4\x8F\xBF\xBF",
                                         "\xEF\xBF\xBF",
                                         "\x80",
                                         "\xC0\x80",
                                         "\xC1\xBF",
                                         "\xC3",
                                         "\xC3\xC3",
                                         "\xC3\xBC\xBC",
                                         "\xE0\x9F\xBF",
                                         "\xE4\xB8",
                                         "\xE4\xB8\x41",
                                         "\xE4\xB8\xE4",
                                         "\xED\xA0\x80",
                                         "\xF0\x8F\xBF\xBF",
                                         "\xF0\x9F\x98",
                                         "\xF0\x9F\x98\x41",
                                         "\xF4\x90\x80\x80",
                                         "\xF5\x80\x80\x80",
                                         "\xFF"};

// What the whole text, opening quote included, is to another program; null where it is no string.
char const* boost_end(std::string const& text) {
  boost::system::error_code ec;
  boost::json::stream_parser parser;
  std::size_t const length = parser.write_some(text, ec);
  return !ec && parser.done() ? text.data() + length : nullptr;
}

template <class Any>
void expect(std::string const& text, char const* behind) {
  char const* const begin = text.data() + 1;
  char const* const end = text.data() + text.size();
  CHECK(end_of_good_string<Any>(begin, end) == behind);
  if (behind != nullptr) CHECK(skip_string<Any>(begin, end) == behind);
}

}  // namespace

TEST_CASE("strings are judged and skipped alike by every kind of block, wherever the bytes fall") {
  for (std::string const& first : pieces) {
    for (std::string const& second : {std::string(), pieces[1], pieces[2], first}) {
      for (std::size_t before = 0; before < 2 * 64 + 2; ++before) {
        for (std::string const& rest :
             {"\""s, "\",\"next\":[]}"s, std::string(70, 'n') + "\"" + std::string(64, '"'), ""s}) {
          std::string const text = "\"" + std::string(before, 'u') + first + second + rest;
          INFO(text);
          char const* const behind = boost_end(text);
          expect<Block>(text, behind);
          expect<WordBlock>(text, behind);
        }
      }
    }
  }
}

TEST_CASE("a long run of backslashes is told even from odd across blocks") {
  for (std::size_t before = 0; before < 66; ++before) {
    for (std::size_t count = 0; count < 200; ++count) {
      std::string const text =
          "\"" + std::string(before, 'x') + std::string(count, '\\') + "\"" + std::string(80, '-');
      char const* const end = text.data() + text.size();
      char const* const behind = count % 2 == 0 ? text.data() + before + count + 2 : nullptr;
      expect<Block>(text, behind);
      expect<WordBlock>(text, behind);
      if (behind != nullptr) continue;
      CHECK(skip_string<Block>(text.data() + 1, end) == end);
      CHECK(skip_string<WordBlock>(text.data() + 1, end) == end);
    }
  }
}

}  // namespace jumpseat::scan
