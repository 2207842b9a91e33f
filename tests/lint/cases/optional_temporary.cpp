// g++: fine
// lint: passes
#include "case.h"

Task<std::size_t> length(std::optional<std::string> words) { co_return words ? words->size() : 0; }

Task<> run() {
  expect(co_await length(std::optional<std::string>(text)) == text.size());
  expect(co_await length(std::nullopt) == 0);
}
