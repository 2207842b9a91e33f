// g++: breaks
// lint: flags
#include "case.h"

// A closure that owns what was moved into it, as a temporary.
template <class F>
Task<std::size_t> apply(F f) {
  co_return f();
}

Task<> run() {
  std::string words = text;
  expect(co_await apply([words = std::move(words)] { return words.size(); }) == text.size());
}
