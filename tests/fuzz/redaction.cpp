// No eight bytes in a row of a registered secret survive redaction, in any spelling (quality row
// S14). The input: one byte says how the secret is written, one where it is cut, one how long it
// is; then the secret, then the text around it.
#include "protocol/redaction.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace jumpseat;

void require(bool condition, char const* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789aBcDeF";
  std::string out;
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string json_escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789abCDEF";
  std::string out;
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == '<' || byte == '=') {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

std::string base64(std::string_view text, char last, char second_last) {
  std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  alphabet += second_last;
  alphabet += last;
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (char const c : text) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    held += 8;
    while (held >= 6) {
      held -= 6;
      out += alphabet[(bits >> held) & 63];
    }
  }
  if (held > 0) out += alphabet[(bits << (6 - held)) & 63];
  return out;
}

int base64_value(char c) {
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  auto const place =
      std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").find(c);
  return place == std::string_view::npos ? -1 : static_cast<int>(place);
}

// Every run of base64 characters in `text`, decoded from each of the four places it may start at.
std::vector<std::string> base64_decodings(std::string_view text) {
  std::vector<std::string> all;
  for (std::size_t begin = 0; begin < text.size(); ++begin) {
    std::size_t end = begin;
    while (end < text.size() && base64_value(text[end]) >= 0) ++end;
    for (std::size_t shift = 0; shift < 4 && begin + shift < end; ++shift) {
      std::string out;
      std::uint32_t bits = 0;
      int held = 0;
      for (std::size_t i = begin + shift; i < end; ++i) {
        bits = (bits << 6) | static_cast<std::uint32_t>(base64_value(text[i]));
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out += static_cast<char>((bits >> held) & 0xff);
      }
      all.push_back(std::move(out));
    }
    begin = end;
  }
  return all;
}

// The marks are our own words: "<authorization:redacted>" becomes "<".
std::string without_marks(std::string text) {
  constexpr std::string_view tail = ":redacted>";
  std::size_t end = text.find(tail);
  while (end != std::string::npos) {
    std::size_t const begin = text.rfind('<', end);
    bool const is_mark = begin != std::string::npos &&
                         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(begin) + 1,
                                     text.begin() + static_cast<std::ptrdiff_t>(end),
                                     [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
    if (is_mark) text.erase(begin + 1, end + tail.size() - begin - 1);
    end = text.find(tail, is_mark ? begin : end + 1);
  }
  return text;
}

bool leaks(std::string_view secret, std::string_view out) {
  for (std::size_t i = 0; i + 8 <= secret.size(); ++i) {
    std::string_view const piece = secret.substr(i, 8);
    // A secret that could hold a piece of a mark cannot be judged.
    if (piece.find('<') == std::string_view::npos && out.find(piece) != std::string_view::npos)
      return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 3) return 0;
  unsigned const spelling = data[0] % 6;
  std::size_t const cut = data[1];
  std::size_t const length = std::min<std::size_t>(data[2], size - 3);
  std::string const secret(reinterpret_cast<char const*>(data) + 3, length);
  std::string const around(reinterpret_cast<char const*>(data) + 3 + length, size - 3 - length);
  // These have public parts, which stay where they stand alone; the unit tests look at them.
  if (secret.starts_with("tid=") || secret.starts_with("github_pat_")) return 0;

  std::string written = secret;
  std::size_t const middle = around.size() / 2;
  std::string const before = around.substr(0, middle);
  switch (spelling) {
    case 1:
      written = percent_encoded(secret);
      break;
    case 2:
      written = json_escaped(secret);
      break;
    case 3:
      written = base64(before.substr(0, cut % 4) + secret, '/', '+');
      break;
    case 4:
      written = base64(before.substr(0, cut % 4) + secret, '_', '-');
      break;
    case 5:
      written = secret.substr(std::min(cut, secret.size()));
      break;
    default:
      break;
  }
  std::string const text = before + written + around.substr(middle);

  Redactor redactor;
  redactor.redact(text);  // patterns alone
  redactor.add(Secret(secret), "k");
  std::string const out = without_marks(redactor.redact(text));
  require(!leaks(secret, out), "nothing of the secret is left");
  if (spelling == 3 || spelling == 4) {
    for (std::string const& decoded : base64_decodings(out))
      require(!leaks(secret, decoded), "nothing is left in base64");
  }
  // Without registration a text without a pattern's rare characters is left alone.
  if (text.find_first_of("_=%J-zZkKbB:") == std::string::npos)
    require(Redactor().redact(text) == text, "ordinary text stays");
  return 0;
}
