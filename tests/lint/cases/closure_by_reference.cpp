// g++: fine
// lint: passes
#include "case.h"

// A closure that only refers owns nothing, and may be a temporary.
template <class F>
Task<std::size_t> apply(F f) {
  co_return f();
}

Task<> run() {
  std::string words = text;
  expect(co_await apply([&] { return words.size(); }) == text.size());
}
