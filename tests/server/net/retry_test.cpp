#include "server/net/retry.h"

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

using namespace jumpseat;

TEST_CASE("random UUIDs have the form of version 4, and none comes twice") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    auto const uuid = random_uuid();
    CAPTURE(uuid);
    REQUIRE(uuid.size() == 36);
    for (std::size_t at = 0; at < uuid.size(); ++at) {
      bool const dash = at == 8 || at == 13 || at == 18 || at == 23;
      std::string_view const wanted = dash ? "-" : "0123456789abcdef";
      REQUIRE(wanted.find(uuid[at]) != std::string_view::npos);
    }
    REQUIRE(uuid[14] == '4');
    REQUIRE(std::string_view("89ab").find(uuid[19]) != std::string_view::npos);
    REQUIRE(seen.insert(uuid).second);
  }
}
