#include "server/base/paths.h"

#include <pwd.h>
#include <unistd.h>

namespace jumpseat {
namespace {

bool absolute(std::string_view path) { return !path.empty() && path.front() == '/'; }

std::string home_directory(Environment const& environment) {
  if (auto home = lookup(environment, "HOME"); home && absolute(*home)) return std::string(*home);
  // A service manager may start us without HOME; the user database still knows it.
  if (passwd const* user = ::getpwuid(::getuid()); user != nullptr && absolute(user->pw_dir)) {
    return user->pw_dir;
  }
  return {};
}

std::string base_directory(Environment const& environment, std::string_view variable,
                           std::string const& home, std::string_view below_home) {
  if (auto value = lookup(environment, variable); value && absolute(*value))
    return std::string(*value);
  if (home.empty()) return {};
  return home + std::string(below_home);
}

}  // namespace

Paths find_paths(Environment const& environment) {
  Paths paths;
  auto const home = home_directory(environment);
  auto const config = base_directory(environment, "XDG_CONFIG_HOME", home, "/.config");
  auto const data = base_directory(environment, "XDG_DATA_HOME", home, "/.local/share");
  if (!config.empty()) {
    paths.config_dir = config + "/jumpseat";
    paths.config_file = paths.config_dir + "/config.env";
  }
  if (!data.empty()) paths.data_dir = data + "/jumpseat";
  paths.database = paths.data_dir.empty() ? ":memory:" : paths.data_dir + "/jumpseat.db";
  return paths;
}

}  // namespace jumpseat
