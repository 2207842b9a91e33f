// g++: breaks
// lint: flags
#include "case.h"

struct Failure {
  explicit Failure(std::string message) : words(std::move(message)) {}
  std::string words;
};

Task<> run() {
  try {
    throw Failure(co_await get());
  } catch (Failure const& failure) {
    expect(failure.words == text);
  }
}
