#include "server/net/request_headers.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace jumpseat {
namespace {

// RFC 9110, 5.6.2.
constexpr std::array<bool, 256> token_characters = [] {
  std::array<bool, 256> table{};
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = true;
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return token_characters[static_cast<unsigned char>(c)];
  });
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

// Looks at eight bytes at a time, because every credential of every request comes here.
bool has_controls(std::string_view text) {
  auto const control = [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
  };
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t tops = ones << 7;
  while (text.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    std::uint64_t const deletes = word ^ (ones * 0x7f);
    // Bits above a byte that is one may be wrong, but then that byte's is right.
    std::uint64_t const suspects =
        ((word - ones * ' ') & ~word & tops) | ((deletes - ones) & ~deletes & tops);
    if (suspects != 0 && std::any_of(text.begin(), text.begin() + sizeof word, control))
      return true;
    text.remove_prefix(sizeof word);
  }
  return std::any_of(text.begin(), text.end(), control);
}

void RequestHeaders::add(std::string_view name, std::string_view value) {
  if (!is_token(name) || has_controls(value)) {
    well_formed_ = false;
    return;
  }
  accepts_ = accepts_ || same_name(name, "accept");
  lines_.append(name).append(value.empty() ? ":" : ": ").append(value).append("\r\n");
}

void RequestHeaders::add(RequestHeaders const& others) {
  well_formed_ = well_formed_ && others.well_formed_;
  accepts_ = accepts_ || others.accepts_;
  lines_.append(others.lines_);
}

void RequestHeaders::add_unless_empty(std::string_view name, std::string_view value) {
  if (!value.empty()) add(name, value);
}

}  // namespace jumpseat
