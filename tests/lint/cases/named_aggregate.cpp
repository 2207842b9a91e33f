// g++: fine
// lint: passes
#include "case.h"

// The cure: name it, then move it.
Task<> run() {
  Request request{.url = text};
  expect(co_await send(std::move(request)) == text.size());
}
