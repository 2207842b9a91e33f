// Where things live, by the XDG Base Directory Specification. Nothing is created here. Another
// system's rules (%LOCALAPPDATA%, ~/Library) would be another function that fills the same struct.
#pragma once

#include <string>
#include <vector>

#include "server/base/environment.h"

namespace jumpseat {

struct Paths {
  std::string config_dir;  // $XDG_CONFIG_HOME/jumpseat, ~/.config/jumpseat
  std::string
      data_dir;  // $XDG_DATA_HOME/jumpseat, ~/.local/share/jumpseat; the database's directory
  std::string config_file;  // config_dir/config.env
  std::string database;     // data_dir/jumpseat.db
  // Where other programs keep their sign-ins; empty when unknown.
  std::string github_copilot_dir;  // $XDG_CONFIG_HOME/github-copilot, ~/.config/github-copilot
  std::string litellm_dir;         // ~/.config/litellm/github_copilot, LiteLLM's default
  // The absolute directories of PATH, in order. Relative ones would name a place that depends on
  // where an editor starts us.
  std::vector<std::string> program_dirs;
  // "NAME=value": what a program that we start may see of our environment. No token is in it.
  std::vector<std::string> child_environment;
};

// Relative XDG values are ignored, as the specification says. Without a home directory the data
// live in memory (":memory:") and there is no user configuration file (empty).
Paths find_paths(Environment const& environment);

}  // namespace jumpseat
