// g++: fine
// lint: passes
#include "case.h"

Task<> run() { expect(co_await measure(co_await get()) == text.size()); }
