// g++: breaks
// lint: flags
#include "case.h"

Task<> run() {
  Request const request{co_await get()};
  expect(request.url == text && request.attempts == 1);
}
