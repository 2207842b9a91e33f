// g++: fine
// lint: passes
#include "case.h"

Task<std::vector<std::string>> words() { co_return std::vector<std::string>(3, text); }

Task<> run() {
  std::size_t total = 0;
  for (auto const& word : co_await words()) total += word.size();
  expect(total == 3 * text.size());
}
