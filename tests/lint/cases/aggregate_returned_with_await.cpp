// g++: breaks
// lint: flags
#include "case.h"

Task<Request> make() { co_return Request{.url = co_await get(), .attempts = 2}; }

Task<> run() {
  auto request = co_await make();
  expect(request.url == text);
}
