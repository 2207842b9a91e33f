// g++: fine
// lint: flags
#include "case.h"

// Works here, flagged all the same: a coroutine lambda with captures reads
// them from the closure, which may die before the coroutine does.
Task<> run() {
  std::string words = text;
  auto body = [words]() -> Task<std::size_t> { co_return co_await measure(words); };
  expect(co_await body() == text.size());
}
