// g++: breaks
// lint: flags
#include "case.h"

// One branch awaits, the other makes a temporary.
Task<> fetch(bool wanted) {
  std::string words = wanted ? co_await get() : std::string();
  expect(words == (wanted ? text : ""));
}

Task<> run() {
  co_await fetch(true);
  co_await fetch(false);
}
