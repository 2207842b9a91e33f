// g++: fine
// lint: passes
#include "case.h"

Task<Request> make() { co_return {.url = text}; }

Task<> run() { expect((co_await make()).url == text); }
