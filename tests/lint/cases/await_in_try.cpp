// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  std::string words;
  try {
    words = co_await get();
    throw 1;
  } catch (int) {
    words += "!";
  }
  expect(words == text + "!");
}
