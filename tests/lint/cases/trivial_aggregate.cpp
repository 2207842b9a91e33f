// g++: fine
// lint: passes
#include "case.h"

// Nothing to destroy, nothing to destroy twice.
struct Point {
  int x;
  int y;
};

Task<int> sum(Point point) { co_return point.x + point.y; }

Task<> run() { expect(co_await sum(Point{.x = 3, .y = 4}) == 7); }
