// g++: fine
// lint: passes
#include "case.h"

Task<> run() { expect(co_await send(Request()) == 0); }
