// g++: breaks
// lint: flags
#include "case.h"

Task<> run() {
  std::vector<Request> requests;
  requests.push_back({.url = co_await get(), .attempts = 2});
  requests.push_back(Request{.url = co_await get(), .attempts = 2});
  expect(requests.front().url == text && requests.back().url == text);
}
