// docs/errors.md against the code: a row for every error code, with the wire forms and the exit
// code that it has.
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "protocol/result.h"
#include "server/cli/commands.h"
#include "tests/support/temp_dir.h"

using namespace jumpseat;

namespace {

// The page, found by the name under which this file was compiled.
std::string errors_page() {
  std::string const here = __FILE__;
  std::string const own_name = "tests/server/cli/errors_page_test.cpp";
  REQUIRE(here.ends_with(own_name));
  return read_file(here.substr(0, here.size() - own_name.size()) + "docs/errors.md");
}

// "| `cancelled` | -32800 | 499 | no | 1 | "
std::string row_of(ErrorCode code) {
  auto const& row = traits(code);
  return "\n| `" + std::string(row.name) + "` | " + std::to_string(row.rpc_code) + " | " +
         std::to_string(row.http_status) + " | " + (row.retryable ? "yes" : "no") + " | " +
         std::to_string(exit_code_of(fail(code, ""))) + " | ";
}

}  // namespace

TEST_CASE("docs/errors.md has a true row for every error code, and no other") {
  auto const page = errors_page();
  auto const last = static_cast<int>(ErrorCode::internal);
  for (int i = 0; i <= last; ++i) {
    auto const row = row_of(static_cast<ErrorCode>(i));
    CAPTURE(row);
    CHECK(page.find(row) != std::string::npos);
  }
  std::size_t rows = 0;
  for (auto at = page.find("\n| `"); at != std::string::npos; at = page.find("\n| `", at + 1))
    ++rows;
  CHECK(rows == static_cast<std::size_t>(last) + 1);
}
