// The grammar of .env files (see docs/configuration.md): KEY=value, optional `export `, spaces
// around
// `=`, single quotes literal, double quotes with \n \" \\ escapes, inline # comments after white
// space in unquoted values, CRLF, a byte-order mark. No ${} expansion. Text to entries; no files,
// no environment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"

namespace jumpseat {

struct EnvEntry {
  std::string key;
  std::string value;
  std::size_t line = 0;  // 1-based
};

// `name` is the file's name, for messages. Of duplicate keys the last stays, in its place. Fails
// with config_invalid, "name:line: what is wrong"; the value is never part of the message.
Result<std::vector<EnvEntry>> parse_env_file(std::string_view text, std::string_view name);

}  // namespace jumpseat
