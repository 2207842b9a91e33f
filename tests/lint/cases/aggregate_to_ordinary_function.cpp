// g++: breaks
// lint: flags
#include "case.h"

// The aggregate goes to an ordinary function; the await only stands beside it.
Task<> run() { expect(co_await number(attempts_of(Request{.url = text})) == 1); }
