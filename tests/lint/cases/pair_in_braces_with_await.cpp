// g++: fine
// lint: passes
#include "case.h"

// A type with constructors may be built in braces around an await.
Task<std::size_t> length(std::pair<std::string, int> pair) { co_return pair.first.size(); }

Task<> run() {
  expect(co_await length({co_await get(), 1}) == text.size());
  std::pair<std::string, int> const pair{co_await get(), 2};
  expect(pair.first == text);
}
