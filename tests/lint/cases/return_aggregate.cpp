// g++: fine
// lint: passes
#include "case.h"

Task<Request> make() { co_return Request{.url = text, .attempts = 2}; }

Task<> run() {
  auto request = co_await make();
  expect(request.url == text);
}
