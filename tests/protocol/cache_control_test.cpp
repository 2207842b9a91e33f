#include "protocol/cache_control.h"

#include <limits>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

// "no-store no-cache max-age", what applies.
std::string said(std::string_view header) {
  auto const control = read_cache_control(header);
  std::string out;
  if (control.no_store) out += "no-store ";
  if (control.no_cache) out += "no-cache ";
  if (control.max_age) out += std::to_string(*control.max_age);
  return out;
}

TEST_CASE("Cache-Control of a request (RFC 9111, 5.2.1)") {
  struct Case {
    std::string_view header, means;
  };
  for (auto const& one : {
           Case{"", ""},
           Case{"no-store", "no-store "},
           Case{" No-Store ", "no-store "},
           Case{"no-cache", "no-cache "},
           Case{"no-cache, no-store", "no-store no-cache "},
           Case{"max-age=60", "60"},
           Case{"max-age=\"60\"", "60"},
           Case{"max-age=60,max-age=30", "30"},
           Case{"max-age=0", "no-cache "},
           Case{"max-age=-5", "no-cache "},
           Case{"max-age", "no-cache "},
           Case{"max-age=", "no-cache "},
           Case{"max-age=soon", "no-cache "},
           Case{"max-age=99999999999999999999", "9223372036854775807"},
           Case{"max-age=-99999999999999999999", "no-cache "},
           Case{",, only-if-cached ,private=\"x\",", ""},
           Case{"no-storey", ""},
       }) {
    INFO(one.header);
    CHECK(said(one.header) == one.means);
  }
}

}  // namespace
}  // namespace jumpseat
