// g++: fine
// lint: passes
#include "case.h"

Task<std::optional<Request>> find() {
  Request request{.url = text};
  co_return request;
}

Task<> run() {
  auto found = co_await find();
  if (!found) co_return;
  Request const copy = *found;
  expect(copy.url == text);
}
