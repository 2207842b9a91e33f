// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  int n = 0;
  do {
    ++n;
  } while ((co_await number(n)) < 3);
  expect(n == 3);
}
