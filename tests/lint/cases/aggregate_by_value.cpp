// g++: breaks
// lint: flags
#include "case.h"

// An aggregate is built inside the expression that awaits.
Task<> run() { expect(co_await send(Request{.url = text}) == text.size()); }
