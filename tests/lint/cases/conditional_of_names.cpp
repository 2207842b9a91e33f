// g++: fine
// lint: passes
#include "case.h"

// A conditional that makes no temporary is harmless.
Task<> run() {
  bool const flag = co_await yes();
  std::string const other = "other";
  expect(co_await measure(flag ? text : other) == text.size());
  expect(co_await number(flag ? 1 : 2) == 1);
}
