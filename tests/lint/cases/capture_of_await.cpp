// g++: breaks
// lint: flags
#include "case.h"

// A capture that awaits, even in a named closure.
Task<> run() {
  auto const size = [words = co_await get()] { return words.size(); };
  expect(size() == text.size());
}
