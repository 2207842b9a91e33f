// g++: breaks
// lint: flags
#include "case.h"

// Only the number awaits; the string was there before.
Task<> run() {
  Request const request{.url = text, .attempts = co_await number(2)};
  expect(request.url == text && request.attempts == 2);
}
