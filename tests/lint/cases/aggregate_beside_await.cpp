// g++: breaks
// lint: flags
#include "case.h"

// The await is an argument, the aggregate another one.
std::size_t both(std::size_t size, Request const& request) { return size + request.url.size(); }

Task<> run() { expect(both(co_await measure(text), Request{.url = text}) == 2 * text.size()); }
