// g++: fine
// lint: passes
#include "case.h"

Task<std::optional<std::string>> next(int n) {
  if (n > 2) co_return std::nullopt;
  co_return text;
}

Task<> run() {
  int n = 0;
  while (auto words = co_await next(n)) {
    expect(*words == text);
    ++n;
  }
  expect(n == 3);
}
