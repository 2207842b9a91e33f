// g++: fine
// lint: passes
#include "case.h"

// The cure for closures: name the closure and the executor, then spawn.
Task<int> executor() { co_return 1; }

template <class F>
std::size_t spawn(int, F f) {
  return f();
}

Task<> run() {
  auto self = std::make_shared<std::string>(text);
  auto where = co_await executor();
  auto body = [self] { return self->size(); };
  expect(spawn(where, std::move(body)) == text.size());
  expect(self.use_count() == 1);
}
