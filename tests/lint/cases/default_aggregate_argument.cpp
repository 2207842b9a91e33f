// g++: breaks
// lint: flags
#include "case.h"

// The aggregate comes from a default argument, out of sight of the call.
struct Options {
  std::string name = text;
};

Task<std::size_t> open(int, Options options = {}) { co_return options.name.size(); }

Task<> run() { expect(co_await open(1) == text.size()); }
