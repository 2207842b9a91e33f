// g++: breaks
// lint: flags
#include "case.h"

// The conditional awaits nothing itself; the call around it does.
Task<> run() {
  bool const flag = co_await yes();
  expect(co_await measure(flag ? text : std::string()) == text.size());
}
