// g++: rejects
// lint: flags
#include "case.h"

// A braced list that comes from a default argument.
Task<std::size_t> count(int, std::vector<std::string> words = {text, text}) {
  co_return words.size();
}

Task<> run() { expect(co_await count(1) == 2); }
