// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  std::variant<int, std::string> value;
  value = co_await get();
  expect(std::get<std::string>(value) == text);
}
