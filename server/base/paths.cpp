#include "server/base/paths.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <string_view>

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

std::vector<std::string> absolute_directories(std::string_view path) {
  std::vector<std::string> directories;
  while (!path.empty()) {
    auto const end = path.find(':');
    auto const directory = path.substr(0, end);
    if (absolute(directory)) directories.emplace_back(directory);
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  }
  return directories;
}

// What the GitHub CLI needs to find its configuration and the desktop's keyring.
constexpr std::array<std::string_view, 15> child_variables = {"HOME",
                                                              "USER",
                                                              "LOGNAME",
                                                              "PATH",
                                                              "LANG",
                                                              "LC_ALL",
                                                              "TMPDIR",
                                                              "XDG_CONFIG_HOME",
                                                              "XDG_DATA_HOME",
                                                              "XDG_STATE_HOME",
                                                              "XDG_RUNTIME_DIR",
                                                              "DBUS_SESSION_BUS_ADDRESS",
                                                              "DISPLAY",
                                                              "WAYLAND_DISPLAY",
                                                              "GH_CONFIG_DIR"};

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
  if (!config.empty()) paths.github_copilot_dir = config + "/github-copilot";
  if (!home.empty()) paths.litellm_dir = home + "/.config/litellm/github_copilot";
  paths.program_dirs = absolute_directories(lookup(environment, "PATH").value_or(""));
  for (auto const name : child_variables) {
    if (auto value = lookup(environment, name))
      paths.child_environment.push_back(std::string(name) + "=" + std::string(*value));
  }
  return paths;
}

}  // namespace jumpseat
