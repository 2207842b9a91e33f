// g++: fine
// lint: flags
#include "case.h"

Task<> run() {
  std::string const words{co_await get()};
  expect(words == text);
}
