// g++: rejects
// lint: flags
#include "case.h"

// A JSON-like object in braces: co_await notify("method", object{{"key", 1}}).
using Object = std::map<std::string, int>;

Task<std::size_t> notify(std::string, Object params) { co_return params.size(); }

Task<> run() { expect(co_await notify("method", Object{{"key", 1}}) == 1); }
