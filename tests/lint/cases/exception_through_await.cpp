// g++: fine
// lint: passes
#include "case.h"

// The awaited task fails while temporaries are alive: each dies once.
struct Failing {
  bool await_ready() const { return true; }
  void await_suspend(std::coroutine_handle<>) const {}
  std::string await_resume() const { throw 1; }
};

std::string both(std::string const& first, std::string const& second) { return first + second; }

Task<> run() {
  Request const request{.url = text};
  bool caught = false;
  try {
    expect(both(text + "!", co_await Failing()).empty());
  } catch (int) {
    caught = true;
  }
  expect(caught && request.url == text);
}
