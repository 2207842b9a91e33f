// g++: fine
// lint: passes
#include "case.h"

Task<> run() { expect(co_await measure(text + "!") == text.size() + 1); }
