// g++: fine
// lint: passes
#include "case.h"

struct Limits {
  int bytes = 5;
};

Task<int> open(int, Limits limits = {}) { co_return limits.bytes; }

Task<> run() { expect(co_await open(1) == 5); }
