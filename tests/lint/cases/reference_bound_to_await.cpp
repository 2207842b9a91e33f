// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  auto const& words = co_await get();
  auto&& more = co_await get();
  expect(words == text && more == text);
}
