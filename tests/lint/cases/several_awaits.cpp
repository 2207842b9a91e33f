// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  expect(co_await number(1) + co_await number(2) == 3);
  expect(co_await get() + co_await get() == text + text);
}
