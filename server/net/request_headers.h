// The header fields of a request, kept the way HTTP/1.1 sends them. They are judged once, when they
// are added; after that a block of them is copied and sent as it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace jumpseat {

// A control character other than the tab, which no value of a field may hold (RFC 9110, 5.5).
bool has_controls(std::string_view text);

// Whether two names of fields, or other tokens, are the same but for the case of their letters.
bool same_name(std::string_view a, std::string_view b);

class RequestHeaders {
 public:
  // A name that is no token or a value with a control character is left out and remembered:
  // well_formed() is false from then on.
  void add(std::string_view name, std::string_view value);
  void add(RequestHeaders const& others);
  // Nothing when `value` is empty.
  void add_unless_empty(std::string_view name, std::string_view value);

  // Room for lines of so many bytes.
  void reserve(std::size_t bytes) { lines_.reserve(bytes); }

  bool well_formed() const { return well_formed_; }
  // Whether there is a field of the name Accept.
  bool accepts() const { return accepts_; }
  // "Name: value\r\n", one line after the other.
  std::string_view lines() const { return lines_; }

  // Calls `use(name, value)` for each field, in order. The views are valid until a field is added.
  template <class Use>
  void for_each(Use use) const {
    std::string_view rest = lines_;
    while (!rest.empty()) {
      // What was judged holds neither a colon in a name nor a line break in a value.
      auto const colon = rest.find(':');
      auto const end = rest.find('\r', colon);
      auto const value = colon + (rest[colon + 1] == ' ' ? 2 : 1);
      use(rest.substr(0, colon), rest.substr(value, end - value));
      rest.remove_prefix(end + 2);
    }
  }

 private:
  std::string lines_;
  bool well_formed_ = true;
  bool accepts_ = false;
};

}  // namespace jumpseat
