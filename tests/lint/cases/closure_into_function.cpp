// g++: breaks
// lint: flags
#include "case.h"

// The closure becomes a std::function on the way.
Task<std::size_t> apply(std::function<std::size_t()> f) { co_return f(); }

Task<> run() {
  auto words = std::make_shared<std::string>(text);
  expect(co_await apply([words] { return words->size(); }) == text.size());
  expect(words.use_count() == 1);
}
