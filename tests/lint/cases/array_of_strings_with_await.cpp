// g++: breaks
// lint: flags
#include "case.h"

Task<> run() {
  std::string const words[] = {co_await get(), co_await get()};
  expect(words[0] == text && words[1] == text);
}
