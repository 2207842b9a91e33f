// g++: breaks
// lint: flags
#include "case.h"

// The condition of a switch awaits: the body of the coroutine is lost.
Task<> run() {
  switch (co_await number(2)) {
    case 2:
      co_return;
    default:
      expect(false);
  }
}
