// g++: fine
// lint: passes
#include "case.h"

Task<int> work(std::unique_ptr<int> input) { co_return *input; }

Task<> run() { expect(co_await work(std::make_unique<int>(7)) == 7); }
