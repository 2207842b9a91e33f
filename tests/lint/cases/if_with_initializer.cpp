// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  if (auto words = co_await get(); words == text) co_return;
  expect(false);
}
