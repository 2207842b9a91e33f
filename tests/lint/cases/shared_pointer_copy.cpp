// g++: fine
// lint: passes
#include "case.h"

Task<std::size_t> length(std::shared_ptr<std::string> words) { co_return words->size(); }

Task<> run() {
  auto words = std::make_shared<std::string>(text);
  expect(co_await length(words) == text.size());
  expect(words.use_count() == 1);
}
