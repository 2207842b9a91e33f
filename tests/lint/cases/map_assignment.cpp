// g++: fine
// lint: passes
#include "case.h"

Task<> run() {
  std::map<std::string, std::string> words;
  words["first"] = co_await get();
  words[co_await get()] = "second";
  expect(words["first"] == text && words[text] == "second");
}
