// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  auto request = std::make_shared<Request>(co_await get(), co_await number(2));
  expect(request->url == text);
}
