// g++: fine
// lint: passes
#include "case.h"

Task<std::size_t> length(std::pair<std::string, std::string> both) {
  co_return both.first.size() + both.second.size();
}

Task<> run() { expect(co_await length(std::pair(text, text)) == 2 * text.size()); }
