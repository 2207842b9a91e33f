// g++: fine
// lint: flags
#include "case.h"

// Works here, flagged all the same: the lint wants `if` around every await.
Task<> run() {
  bool const flag = co_await yes();
  expect((flag ? co_await number(1) : 2) == 1);
}
