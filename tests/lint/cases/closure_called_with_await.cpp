// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  auto const size = [](std::string const& words) { return words.size(); };
  expect(size(co_await get()) == text.size());
}
