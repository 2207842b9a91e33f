// g++: fine
// lint: passes
#include "case.h"

// Awaiting a member function of a temporary object.
class Mailer {
 public:
  explicit Mailer(std::string name) : name_(std::move(name)) {}
  Task<std::size_t> send() { co_return name_.size(); }

 private:
  std::string name_;
};

Task<> run() { expect(co_await Mailer(text).send() == text.size()); }
