// g++: rejects
// lint: flags
#include "case.h"

// A braced list that becomes a std::initializer_list.
Task<std::size_t> count(std::vector<std::string> words) { co_return words.size(); }

Task<> run() { expect(co_await count({text, text}) == 2); }
