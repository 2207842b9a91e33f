#include "server/base/environment.h"

extern "C" char** environ;

namespace jumpseat {

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view const text = *entry;
    auto const equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

std::optional<std::string_view> lookup(Environment const& environment, std::string_view name) {
  auto const found = environment.find(name);
  if (found == environment.end()) return std::nullopt;
  return std::string_view(found->second);
}

}  // namespace jumpseat
