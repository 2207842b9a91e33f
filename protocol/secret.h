// A string that does not print. Tokens travel as Secret from the byte that brought them to one of
// the few places that may read them; `grep 'reveal('` lists those places, and the lint keeps the
// list short. The bytes are wiped when a Secret is destroyed or replaced.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace jumpseat {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text);
  Secret(Secret const& other) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret const& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  bool empty() const { return text_.empty(); }
  std::size_t size() const { return text_.size(); }
  // The bytes themselves. Valid while this Secret lives and is not assigned to.
  std::string_view reveal() const { return text_; }
  // Takes time that depends on the lengths alone, not on the bytes.
  friend bool operator==(Secret const& a, Secret const& b);

 private:
  std::string text_;
};

// Overwrites the bytes of `text` in a way that the compiler may not drop, then empties it.
void wipe(std::string& text);

}  // namespace jumpseat
