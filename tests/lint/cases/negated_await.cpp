// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  if (!co_await yes()) expect(false);
  bool const no = !co_await yes();
  expect(!no);
}
