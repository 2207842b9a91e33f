// g++: breaks
// lint: flags
#include "case.h"

Task<> run() {
  Request request = {.url = co_await get()};
  expect(request.url == text);
}
