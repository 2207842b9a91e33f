// The process environment as a value, taken once at the start. Nothing else reads the environment.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace jumpseat {

using Environment = std::map<std::string, std::string, std::less<>>;

// A copy of the process's environment.
Environment process_environment();

// The value of `name`; empty counts as set.
std::optional<std::string_view> lookup(Environment const& environment, std::string_view name);

}  // namespace jumpseat
