// g++: fine
// lint: passes
#include "case.h"

Task<std::size_t> greet(std::string name = text) { co_return name.size(); }

Task<> run() { expect(co_await greet() == text.size()); }
