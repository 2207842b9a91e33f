// g++: fine
// lint: passes
#include "case.h"

// The cure for `?:`.
Task<> run() {
  std::string words;
  if (co_await yes()) words = co_await get();
  expect(words == text);
}
