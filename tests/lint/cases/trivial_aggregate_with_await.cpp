// g++: fine
// lint: flags
#include "case.h"

struct Point {
  int x;
  int y;
};

Task<> run() {
  Point const point{.x = co_await number(3), .y = co_await number(4)};
  expect(point.x + point.y == 7);
}
