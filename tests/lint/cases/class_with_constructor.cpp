// g++: fine
// lint: passes
#include "case.h"

// The other cure: give the type a constructor.
class Message {
 public:
  explicit Message(std::string words) : words_(std::move(words)) {}
  std::size_t size() const { return words_.size(); }

 private:
  std::string words_;
};

Task<std::size_t> post(Message message) { co_return message.size(); }

Task<> run() { expect(co_await post(Message(text)) == text.size()); }
