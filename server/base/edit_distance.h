// Levenshtein's distance between two short names, for "did you mean".
#pragma once

#include <cstddef>
#include <string_view>

namespace jumpseat {

std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace jumpseat
