// g++: fine
// lint: flags
#include "case.h"

Task<> run() {
  int const numbers[] = {co_await number(1), co_await number(2)};
  expect(numbers[0] + numbers[1] == 3);
}
