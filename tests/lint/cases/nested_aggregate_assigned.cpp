// g++: breaks
// lint: flags
#include "case.h"

struct Outer {
  Request inner;
  std::string name;
};

Task<> run() {
  Outer outer{.inner = {.url = text}, .name = text};
  outer.inner = {.url = co_await get(), .attempts = 1};
  expect(outer.inner.url == text && outer.name == text);
}
