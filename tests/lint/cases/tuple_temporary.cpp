// g++: fine
// lint: passes
#include "case.h"

Task<std::size_t> length(std::tuple<std::string, int> both) { co_return std::get<0>(both).size(); }

Task<> run() { expect(co_await length(std::tuple<std::string, int>(text, 1)) == text.size()); }
