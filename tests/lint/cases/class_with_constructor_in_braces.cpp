// g++: fine
// lint: passes
#include "case.h"

// Braces alone are harmless: they call the constructor.
class Message {
 public:
  Message(std::string words, int number) : words_(std::move(words)), number_(number) {}
  std::size_t size() const { return words_.size() + static_cast<std::size_t>(number_); }

 private:
  std::string words_;
  int number_;
};

Task<std::size_t> post(Message message) { co_return message.size(); }

Task<> run() { expect(co_await post({text, 1}) == text.size() + 1); }
