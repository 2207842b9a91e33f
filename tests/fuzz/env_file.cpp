// Any text is entries or one error with a line of that text. Entries written out in quotes read
// back the same.
#include "protocol/env_file.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace jumpseat;

void require(bool condition, char const* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  auto const lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  auto entries = parse_env_file(text, "f");
  if (!entries) {
    std::string const message = entries.error().message();
    require(message.starts_with("f:"), "an error names the file");
    std::size_t const line = std::strtoul(message.c_str() + 2, nullptr, 10);
    require(line >= 1 && line <= lines, "an error names a line of the file");
    return 0;
  }

  std::string written;
  std::size_t last = 0;
  for (EnvEntry const& entry : *entries) {
    require(entry.line > last && entry.line <= lines, "lines grow");
    last = entry.line;
    require(!entry.key.empty(), "there is a key");
    require(
        entry.value.find('\0') == std::string::npos && entry.value.find('\r') == std::string::npos,
        "a value fits into an environment variable");
    written += entry.key + "=\"";
    for (char const c : entry.value) {
      if (c == '\n') {
        written += "\\n";
        continue;
      }
      if (c == '"' || c == '\\') written += '\\';
      written += c;
    }
    written += "\"\r\n";
  }
  auto again = parse_env_file(written, "f");
  require(again.has_value() && again->size() == entries->size(), "what was written can be read");
  for (std::size_t i = 0; i < again->size(); ++i) {
    require((*again)[i].key == (*entries)[i].key, "keys are the same");
    require((*again)[i].value == (*entries)[i].value, "values are the same");
  }
  return 0;
}
