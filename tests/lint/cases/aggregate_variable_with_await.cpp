// g++: breaks
// lint: flags
#include "case.h"

// An aggregate that is a named variable may await in its initializer.
Task<> run() {
  Request const request{.url = co_await get(), .attempts = co_await number(2)};
  expect(request.url == text && request.attempts == 2);
}
