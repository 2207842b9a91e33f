// g++: fine
// lint: passes
#include "case.h"

// Braces are harmless in a coroutine where the expression awaits nothing.
std::size_t info(std::initializer_list<std::pair<std::string, std::string>> fields) {
  return fields.size();
}

Task<> run() {
  expect(co_await yes());
  expect(info({{"a", text}, {"b", text}}) == 2);
  std::vector<Request> requests;
  requests.push_back({.url = text});
  requests.push_back(Request{text, 2});
  for (auto const& word : {text, text}) expect(co_await measure(word) == text.size());
  expect(requests.size() == 2 && requests.front().url == text);
}
