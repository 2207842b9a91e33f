// g++: breaks
// lint: flags
#include "case.h"

Task<> run() {
  try {
    throw co_await get();
  } catch (std::string const& words) {
    expect(words == text);
  }
}
