// Wiping and comparing. std::string keeps up to 15 bytes inside itself and leaves them there when
// it is moved from, hence the wipes after each move.

#include "protocol/secret.h"

#include <cstddef>
#include <cstring>

namespace jumpseat {

void wipe(std::string& text) {
  // All of the capacity: a string that was once longer still holds its old tail.
  text.resize(text.capacity());
  std::memset(text.data(), 0, text.size());
  // As far as the compiler knows, this reads the bytes, so that they have to be written.
  asm volatile("" : : "r"(text.data()) : "memory");
  text.clear();
}

Secret::Secret(std::string text) : text_(std::move(text)) { wipe(text); }

Secret::Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { wipe(other.text_); }

Secret& Secret::operator=(Secret const& other) {
  // Through a copy: assigning in place could free our old bytes without wiping them.
  if (this != &other) *this = Secret(other);
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  // By a swap: a string that takes over a short one keeps its own memory.
  Secret taken(std::move(other));
  text_.swap(taken.text_);
  return *this;
}

Secret::~Secret() { wipe(text_); }

bool operator==(Secret const& a, Secret const& b) {
  if (a.text_.size() != b.text_.size()) return false;
  // Volatile, so that the loop cannot be left at the first difference.
  unsigned char volatile difference = 0;
  for (std::size_t i = 0; i < a.text_.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (static_cast<unsigned char>(a.text_[i]) ^
                                                          static_cast<unsigned char>(b.text_[i])));
  }
  return difference == 0;
}

}  // namespace jumpseat
