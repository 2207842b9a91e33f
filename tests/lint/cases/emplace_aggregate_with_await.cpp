// g++: fine
// lint: passes
#include "case.h"

// Parentheses instead of braces: C++20 builds the aggregate elsewhere.
Task<> run() {
  std::vector<std::pair<std::string, int>> all;
  all.emplace_back(co_await get(), co_await number(2));
  expect(all.front().first == text);
}
