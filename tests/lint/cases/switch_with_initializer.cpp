// g++: fine
// lint: passes
#include "case.h"

// The cure: await first, in the initializer or on a line of its own.
Task<> run() {
  switch (int const n = co_await number(2); n) {
    case 2:
      expect((co_await get()) == text);
      break;
    default:
      expect(false);
  }
}
