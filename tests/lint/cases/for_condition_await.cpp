// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  int n = 0;
  for (n = co_await number(1); (co_await number(n)) < 4; n += co_await number(1)) {
  }
  expect(n == 4);
}
