// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  expect(co_await yes() && (co_await get()).size() == text.size());
  expect(co_await yes() || (co_await get()).empty());
}
