// g++: breaks
// lint: flags
#include "case.h"

Task<> run() {
  std::unique_ptr<std::string> words(new std::string(co_await get()));
  expect(*words == text);
}
