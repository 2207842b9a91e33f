// g++: fine
// lint: passes
#include "case.h"

template <class F>
Task<std::size_t> apply(F f) {
  co_return f();
}

class Session {
 public:
  Task<std::size_t> size() {
    co_return co_await apply([this] { return words_.size(); });
  }

 private:
  std::string words_ = text;
};

Task<> run() {
  Session session;
  expect(co_await session.size() == text.size());
}
