// g++: breaks
// lint: flags
#include "case.h"

Task<> run() {
  Request request;
  request = Request{.url = co_await get(), .attempts = 2};
  expect(request.url == text);
}
