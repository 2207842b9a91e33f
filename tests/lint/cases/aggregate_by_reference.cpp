// g++: breaks
// lint: flags
#include "case.h"

// The same, bound to a reference.
Task<> run() { expect(co_await send_reference(Request{.url = text}) == text.size()); }
