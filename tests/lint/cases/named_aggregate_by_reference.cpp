// g++: fine
// lint: passes
#include "case.h"

// A named aggregate may go by reference when the call is awaited at once.
Task<> run() {
  Request request{.url = text};
  expect(co_await send_reference(request) == text.size());
  expect(request.url == text);
}
