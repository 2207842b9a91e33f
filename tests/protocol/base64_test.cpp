#include "protocol/base64.h"

#include <utility>

#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

TEST_CASE("base64: the test vectors of RFC 4648, section 10, and bytes above ASCII") {
  for (auto const& [bytes, text] : {
           std::pair<std::string_view, std::string_view>{"", ""},
           {"f", "Zg=="},
           {"fo", "Zm8="},
           {"foo", "Zm9v"},
           {"foob", "Zm9vYg=="},
           {"fooba", "Zm9vYmE="},
           {"foobar", "Zm9vYmFy"},
           {"\xff\xfe\xfb", "//77"},
           {std::string_view("\0\0", 2), "AAA="},
       }) {
    CHECK(base64_encode(bytes) == text);
  }
}

}  // namespace
}  // namespace jumpseat
