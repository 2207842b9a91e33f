// g++: fine
// lint: passes
#include "case.h"

class Message {
 public:
  Message(std::string words, int number) : words_(std::move(words)), number_(number) {}
  std::size_t size() const { return words_.size() + static_cast<std::size_t>(number_); }

 private:
  std::string words_;
  int number_;
};

Task<> run() {
  Message const message{co_await get(), co_await number(2)};
  expect(message.size() == text.size() + 2);
  expect(Message(co_await get(), 1).size() == text.size() + 1);
}
