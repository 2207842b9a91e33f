// g++: fine
// lint: passes
#include "case.h"

// The cure: no await in the expression.
Task<> run() {
  bool const flag = co_await yes();
  std::string words = flag ? text + "!" : std::string();
  expect(co_await measure(std::move(words)) == text.size() + 1);
}
