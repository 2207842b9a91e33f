// g++: breaks
// lint: flags
#include "case.h"

// Positional members instead of designated ones.
Task<> run() {
  std::string url = text;
  expect(co_await send(Request{url, 3}) == text.size());
}
