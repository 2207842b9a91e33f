// g++: fine
// lint: passes
#include "case.h"

Task<std::tuple<int, std::string>> read() { co_return std::tuple<int, std::string>(0, text); }

Task<> run() {
  auto [error, words] = co_await read();
  expect(error == 0 && words == text);
}
