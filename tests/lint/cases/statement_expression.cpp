// g++: rejects
// lint: flags
#include "case.h"

// A TRY macro made of a statement expression (a GNU extension).
#define TRY(expression)            \
  __extension__({                  \
    auto result = (expression);    \
    if (result.empty()) co_return; \
    std::move(result);             \
  })

Task<> run() {
  auto words = TRY(co_await get());
  expect(words == text);
}
