// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  expect(co_await measure("long enough to need the heap, so that a double free shows") == 57);
}
