// Where things live, by the XDG Base Directory Specification.

#include "server/base/paths.h"

#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

TEST_CASE("without XDG variables everything lies below the home directory") {
  auto const paths = find_paths({{"HOME", "/home/ada"}});
  CHECK(paths.config_dir == "/home/ada/.config/jumpseat");
  CHECK(paths.config_file == "/home/ada/.config/jumpseat/config.env");
  CHECK(paths.data_dir == "/home/ada/.local/share/jumpseat");
  CHECK(paths.database == "/home/ada/.local/share/jumpseat/jumpseat.db");
}

TEST_CASE("absolute XDG variables win, each for its own") {
  auto paths = find_paths({{"HOME", "/home/ada"}, {"XDG_CONFIG_HOME", "/etc/ada"}});
  CHECK(paths.config_file == "/etc/ada/jumpseat/config.env");
  CHECK(paths.database == "/home/ada/.local/share/jumpseat/jumpseat.db");
  paths = find_paths({{"HOME", "/home/ada"}, {"XDG_DATA_HOME", "/srv/ada"}});
  CHECK(paths.config_file == "/home/ada/.config/jumpseat/config.env");
  CHECK(paths.database == "/srv/ada/jumpseat/jumpseat.db");
}

TEST_CASE("relative and empty XDG variables are ignored") {
  for (auto const* value : {"", "here", "./here", "~/here"}) {
    CAPTURE(value);
    auto const paths =
        find_paths({{"HOME", "/home/ada"}, {"XDG_CONFIG_HOME", value}, {"XDG_DATA_HOME", value}});
    CHECK(paths.config_dir == "/home/ada/.config/jumpseat");
    CHECK(paths.data_dir == "/home/ada/.local/share/jumpseat");
  }
}

TEST_CASE("a home directory that is no absolute path does not become a place for tokens") {
  for (auto const* home : {"", "home", "."}) {
    CAPTURE(home);
    auto const paths = find_paths({{"HOME", home}});
    // From the user database, or in memory.
    if (paths.data_dir.empty()) {
      CHECK(paths.database == ":memory:");
      CHECK(paths.config_file.empty());
    } else {
      CHECK(paths.data_dir.front() == '/');
      CHECK(paths.database == paths.data_dir + "/jumpseat.db");
    }
  }
}

}  // namespace
}  // namespace jumpseat
