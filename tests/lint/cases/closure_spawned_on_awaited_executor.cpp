// g++: breaks
// lint: flags
#include "case.h"

// co_spawn(co_await this_coro::executor, [self = shared_from_this()] {...}, token)
Task<int> executor() { co_return 1; }

template <class F>
std::size_t spawn(int, F f) {
  return f();
}

Task<> run() {
  auto self = std::make_shared<std::string>(text);
  expect(spawn(co_await executor(), [self = self] { return self->size(); }) == text.size());
  expect(self.use_count() == 1);
  expect(*self == text);
}
