// g++: breaks
// lint: flags
#include "case.h"

// The same, without the type's name.
Task<> run() { expect(co_await send({.url = text}) == text.size()); }
