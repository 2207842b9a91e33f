// g++: breaks
// lint: flags
#include "case.h"

// The same, one member away.
Task<> run() {
  switch ((co_await get()).size()) {
    case 0:
      expect(false);
      break;
    default:
      co_return;
  }
}
