// g++: fine
// lint: passes
#include "case.h"

Task<Request> make() {
  Request request{.url = text};
  co_return request;
}

Task<> run() { expect((co_await make()).url == text); }
