// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  std::vector<std::string> words;
  words.push_back(co_await get());
  words.emplace_back(co_await get());
  expect(words.front() == text && words.back() == text);
}
