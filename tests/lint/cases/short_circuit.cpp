// g++: fine
// lint: passes
#include "case.h"

// Temporaries on the side that is not reached.
Task<> go(std::string const& words) {
  expect((text + "!" == words && co_await yes()) == !words.empty());
  expect(words.empty() || (co_await measure(words + "!")) > 1);
}

Task<> run() {
  co_await go(text + "!");
  co_await go("");
}
