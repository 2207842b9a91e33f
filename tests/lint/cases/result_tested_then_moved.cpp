// g++: fine
// lint: passes
#include "case.h"

// The house style: name the result, test it, use it.
Task<std::optional<Request>> find() { co_return std::optional<Request>(std::in_place, text, 2); }

Task<> run() {
  auto found = co_await find();
  if (!found) co_return;
  expect(co_await send(std::move(*found)) == text.size());
}
