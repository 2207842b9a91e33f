// g++: fine
// lint: passes
#include "case.h"

Task<std::optional<std::string>> find() { co_return text; }

Task<> run() {
  if (auto words = co_await find()) co_return expect(*words == text);
  expect(false);
}
