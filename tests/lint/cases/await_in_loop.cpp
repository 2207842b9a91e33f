// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  std::string all;
  while ((co_await measure(all)) < 3 * text.size()) all += co_await get();
  expect(all == text + text + text);
}
