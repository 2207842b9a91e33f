// g++: fine
// lint: passes
#include "case.h"

// The cure for the TRY macro.
Task<> run() {
  auto words = co_await get();
  if (words.empty()) co_return;
  expect(words == text);
}
