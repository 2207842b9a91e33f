// g++: breaks
// lint: flags
#include "case.h"

Task<> run() {
  Request const request(text, co_await number(2));
  expect(request.url == text && request.attempts == 2);
}
