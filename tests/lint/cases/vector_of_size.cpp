// g++: fine
// lint: passes
#include "case.h"

Task<std::size_t> count(std::vector<std::string> words) { co_return words.size(); }

Task<> run() { expect(co_await count(std::vector<std::string>(3, text)) == 3); }
