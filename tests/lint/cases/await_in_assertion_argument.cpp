// g++: fine
// lint: passes
#include "case.h"

std::string quoted(std::string const& words) { return '"' + words + '"'; }

Task<> run() { expect(quoted(co_await get() + "!") == '"' + text + "!\""); }
