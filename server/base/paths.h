// Where things live, by the XDG Base Directory Specification. Nothing is created here. Another
// system's rules (%LOCALAPPDATA%, ~/Library) would be another function that fills the same struct.
#pragma once

#include <string>

#include "server/base/environment.h"

namespace jumpseat {

struct Paths {
  std::string config_dir;  // $XDG_CONFIG_HOME/jumpseat, ~/.config/jumpseat
  std::string
      data_dir;  // $XDG_DATA_HOME/jumpseat, ~/.local/share/jumpseat; the database's directory
  std::string config_file;  // config_dir/config.env
  std::string database;     // data_dir/jumpseat.db
};

// Relative XDG values are ignored, as the specification says. Without a home directory the data
// live in memory (":memory:") and there is no user configuration file (empty).
Paths find_paths(Environment const& environment);

}  // namespace jumpseat
