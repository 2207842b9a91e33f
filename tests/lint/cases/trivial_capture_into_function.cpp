// g++: fine
// lint: passes
#include "case.h"

// A closure that captures only numbers has nothing to destroy.
Task<int> apply(std::function<int()> f) { co_return f(); }

Task<> run() {
  int const k = 4;
  expect(co_await apply([] { return 3; }) == 3);
  expect(co_await apply([k] { return k; }) == 4);
}
