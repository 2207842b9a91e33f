// g++: breaks
// lint: flags
#include "case.h"

Task<> run() { expect(co_await send({}) == 0); }
