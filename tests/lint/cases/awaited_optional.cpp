// g++: fine
// lint: passes
#include "case.h"

Task<std::optional<std::string>> find() { co_return std::optional<std::string>(text); }

Task<> run() {
  expect((co_await find()).value_or(std::string()) == text);
  auto found = co_await find();
  expect(found && *found == text);
}
