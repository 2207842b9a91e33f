// g++: breaks
// lint: flags
#include "case.h"

// Both branches await something with a destructor.
Task<> fetch(bool first) {
  std::string words = first ? co_await get() : co_await get();
  expect(words == text);
}

Task<> run() {
  co_await fetch(true);
  co_await fetch(false);
}
