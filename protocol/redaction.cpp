// Two searches over the same text, and one pass that writes it out again.
//
// Registered secrets are found by their pieces: every window of eight bytes of a secret is hashed
// into a table, and every window of the text is looked up in it. That finds a secret that was cut
// off, and needs no copy of it. Encodings are undone on the text's side (percent escapes, JSON
// escapes, base64), so it does not matter how an encoder spells a byte.
//
// Patterns are found by their rarest characters, so that ordinary text costs one table look-up a
// byte. Each pattern either masks what it has read or gives up after a bounded number of bytes:
// linear time.
#include "protocol/redaction.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <utility>

namespace jumpseat {
namespace {

constexpr std::size_t window = 8;
constexpr std::size_t kept_per_kind = 8;

// ---- Characters, in the C locale's sense ----

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_alnum(c) || c == '_'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
unsigned hex_value(char c) {
  return static_cast<unsigned>(is_digit(c) ? c - '0' : lower(c) - 'a' + 10);
}

// 0..63, or -1. Both alphabets of RFC 4648 at once.
constexpr std::array<signed char, 256> base64_values = [] {
  std::array<signed char, 256> values{};
  values.fill(-1);
  signed char next = 0;
  for (char const c :
       std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"))
    values[static_cast<unsigned char>(c)] = next++;
  for (char const c : {'+', '-'}) values[static_cast<unsigned char>(c)] = 62;
  for (char const c : {'/', '_'}) values[static_cast<unsigned char>(c)] = 63;
  return values;
}();
int base64_value(char c) { return base64_values[static_cast<unsigned char>(c)]; }

// ---- What is to be masked ----

struct Mask {
  std::size_t begin;
  std::size_t end;
  std::string_view label;
  bool registered = false;  // its label tells more than a pattern's
};
using Masks = std::vector<Mask>;

// ---- Registered secrets ----

// One entry of the table: the hash above, then the number of the secret, then whether the piece is
// public. Zero is an empty slot.
constexpr std::uint64_t public_bit = 1;
constexpr unsigned known_shift = 1;
constexpr unsigned known_bits = 11;
constexpr std::uint64_t hash_mask = ~std::uint64_t{0} << (known_shift + known_bits);

std::uint64_t hash_window(char const* bytes) {
  std::uint64_t hash = 0;
  std::memcpy(&hash, bytes, window);
  hash *= 0x9e3779b97f4a7c15u;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93u;
  hash ^= hash >> 29;
  hash &= hash_mask;
  return hash == 0 ? hash_mask : hash;
}

// Where an entry starts to look for its slot. The table's size is a power of two.
std::size_t home(std::uint64_t entry, std::size_t table_size) {
  return static_cast<std::size_t>(entry >> 40) & (table_size - 1);
}

std::uint64_t const* find_piece(std::vector<std::uint64_t> const& table, std::uint64_t hash) {
  for (std::size_t slot = home(hash, table.size());; slot = (slot + 1) & (table.size() - 1)) {
    if (table[slot] == 0) return nullptr;
    if ((table[slot] & hash_mask) == hash) return &table[slot];
  }
}

// Some of what is inside a token is not secret and stands in ordinary messages: the prefix
// "github_pat_", and the names and hosts in a Copilot token. Such pieces are masked as a part of
// the token, but not when they stand alone. Marks the bytes of `secret` that are public.
std::vector<bool> public_bytes(std::string_view secret) {
  std::vector<bool> marks(secret.size(), false);
  constexpr std::string_view pat = "github_pat_";
  if (secret.starts_with(pat)) std::fill_n(marks.begin(), pat.size(), true);
  if (!secret.starts_with("tid=")) return marks;
  // The last field ends with ":" and a signature.
  std::size_t const fields_end = std::min(secret.rfind(':'), secret.size());
  for (std::size_t at = 0; at < fields_end;) {
    std::size_t const end = std::min(secret.find(';', at), fields_end);
    std::string_view const field = secret.substr(at, end - at);
    std::size_t const equals = std::min(field.find('='), field.size());
    std::string_view const name = field.substr(0, equals);
    bool const open = name == "sku" || name == "proxy-ep" || name == "st";
    // The name with the "=" and the ";" before it; the value only where it is a public word.
    std::size_t const first = at == 0 ? 0 : at - 1;
    std::size_t const last = open ? std::min(end + 1, fields_end) : std::min(at + equals + 1, end);
    for (std::size_t i = first; i < last; ++i) marks[i] = true;
    at = end + 1;
  }
  return marks;
}

// The text as an encoder's reader would see it. `at[i]` is where byte i starts in the original.
struct Decoded {
  std::string bytes;
  std::vector<std::size_t> at;  // one more than bytes: the end of the last
  void push(char c, std::size_t where) {
    bytes += c;
    at.push_back(where);
  }
};

// `plus` is what '+' stands for: itself, or a space as in forms.
Decoded percent_decoded(std::string_view text, char plus) {
  Decoded out;
  out.bytes.reserve(text.size());
  out.at.reserve(text.size() + 1);
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
      out.push(static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])), i);
      i += 3;
    } else {
      out.push(text[i] == '+' ? plus : text[i], i);
      ++i;
    }
  }
  out.at.push_back(text.size());
  return out;
}

void push_utf8(Decoded& out, unsigned point, std::size_t where) {
  if (point < 0x80) {
    out.push(static_cast<char>(point), where);
  } else if (point < 0x800) {
    out.push(static_cast<char>(0xc0 | (point >> 6)), where);
    out.push(static_cast<char>(0x80 | (point & 0x3f)), where);
  } else {
    out.push(static_cast<char>(0xe0 | (point >> 12)), where);
    out.push(static_cast<char>(0x80 | ((point >> 6) & 0x3f)), where);
    out.push(static_cast<char>(0x80 | (point & 0x3f)), where);
  }
}

Decoded json_unescaped(std::string_view text) {
  constexpr std::string_view names = "bfnrt";
  constexpr std::string_view meanings = "\b\f\n\r\t";
  Decoded out;
  out.bytes.reserve(text.size());
  out.at.reserve(text.size() + 1);
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push(text[i], i);
      ++i;
    } else if (text[i + 1] == 'u' && i + 5 < text.size() &&
               std::all_of(text.begin() + static_cast<std::ptrdiff_t>(i) + 2,
                           text.begin() + static_cast<std::ptrdiff_t>(i) + 6, is_hex)) {
      unsigned point = 0;
      for (std::size_t k = 2; k < 6; ++k) point = point * 16 + hex_value(text[i + k]);
      push_utf8(out, point, i);
      i += 6;
    } else {
      std::size_t const name = names.find(text[i + 1]);
      out.push(name == std::string_view::npos ? text[i + 1] : meanings[name], i);
      i += 2;
    }
  }
  out.at.push_back(text.size());
  return out;
}

// ---- Patterns ----

class PatternScan {
 public:
  PatternScan(std::string_view text, Masks& masks) : text_(text), masks_(masks) {}

  void run() {
    for (at_ = 0; at_ < text_.size(); ++at_) {
      switch (text_[at_]) {
        case '_':
          github_token() || named_value();
          break;
        case '=':
        case '%':
          copilot_token();
          break;
        case 'J':
          json_web_token();
          break;
        case '-':
          secret_key() || named_value();
          break;
        case 'z':
        case 'Z':
          authorization();
          break;
        case 'k':
        case 'K':
          cookie() || named_value();
          break;
        case 'b':
        case 'B':
          bearer();
          break;
        case ':':
          userinfo();
          break;
        default:
          break;
      }
    }
  }

 private:
  // The least that is masked; less is no secret, and would mask ordinary words.
  static constexpr std::size_t shortest = 8;
  // What a token has to have where only its looks speak for it.
  static constexpr std::size_t likely = 20;

  // Masks [begin, end) and goes on after it.
  bool mask(std::size_t begin, std::size_t end, std::string_view label) {
    masks_.push_back({begin, end, label});
    if (end > at_ + 1) at_ = end - 1;
    return true;
  }
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  bool text_at(std::size_t i, std::string_view lower_case) const {
    if (i > text_.size() || text_.size() - i < lower_case.size()) return false;
    for (std::size_t k = 0; k < lower_case.size(); ++k)
      if (lower(text_[i + k]) != lower_case[k]) return false;
    return true;
  }
  // `back` bytes before at_ stand the bytes of `lower_case`.
  bool text_before(std::size_t back, std::string_view lower_case) const {
    return at_ >= back && text_at(at_ - back, lower_case);
  }
  // No word runs into byte i. The tail of an escape (\n, \u003d, %3D) is no word.
  bool at_word_start(std::size_t i) const {
    if (i == 0 || !is_word(text_[i - 1])) return true;
    if (i >= 2 && text_[i - 2] == '\\') return true;
    if (i >= 6 && text_[i - 6] == '\\' && text_[i - 5] == 'u') return true;
    return i >= 3 && text_[i - 3] == '%' && is_hex(text_[i - 2]) && is_hex(text_[i - 1]);
  }
  template <class Is>
  std::size_t run_from(std::size_t i, Is is) const {
    while (i < text_.size() && is(text_[i])) ++i;
    return i;
  }

  // gho_…, github_pat_…; at_ is on an underscore.
  bool github_token() {
    static constexpr std::array<std::pair<char, std::string_view>, 5> kinds = {
        {{'o', "<gho:redacted>"},
         {'p', "<ghp:redacted>"},
         {'u', "<ghu:redacted>"},
         {'s', "<ghs:redacted>"},
         {'r', "<ghr:redacted>"}}};
    std::size_t begin = at_;
    std::string_view label;
    if (text_before(10, "github_pat_")) {
      begin = at_ - 10;
      label = "<github-pat:redacted>";
    } else if (text_before(3, "gh")) {
      begin = at_ - 3;
      for (auto const& [letter, name] : kinds) {
        if (letter == lower(text_[at_ - 1])) label = name;
      }
    }
    if (label.empty()) return false;
    std::size_t const end = run_from(at_ + 1, is_word);
    // "highs_and_lows" is a word; a token glued to one is still a token when it is long.
    if (end - at_ - 1 < (at_word_start(begin) ? shortest : likely)) return false;
    return mask(begin, end, label);
  }

  // tid=…;exp=…:…, also percent-encoded; at_ is on the "=" or the "%" after tid.
  void copilot_token() {
    if (!text_before(3, "tid") || !at_word_start(at_ - 3)) return;
    std::size_t value = at_ + 1;
    if (text_[at_] == '%') {
      if (!text_at(at_, "%3d")) return;
      value = at_ + 3;
    }
    std::size_t end = run_from(value, [](char c) {
      return is_word(c) || std::string_view("=;:.,%+-/").find(c) != std::string_view::npos;
    });
    while (end > value && (text_[end - 1] == '.' || text_[end - 1] == ',')) --end;
    if (end - value < likely) return;
    mask(at_ - 3, end, "<copilot-token:redacted>");
  }

  // eyJ….eyJ….…; at_ is on the J.
  void json_web_token() {
    if (at_ < 2 || text_[at_ - 2] != 'e' || text_[at_ - 1] != 'y') return;
    std::size_t const end =
        run_from(at_ + 1, [](char c) { return is_word(c) || c == '-' || c == '.' || c == '='; });
    if (end - at_ < likely) return;
    mask(at_ - 2, end, "<jwt:redacted>");
  }

  // sk-…; at_ is on the hyphen.
  bool secret_key() {
    if (!text_before(2, "sk") || !at_word_start(at_ - 2)) return false;
    std::size_t const end = run_from(at_ + 1, [](char c) { return is_word(c) || c == '-'; });
    if (end - at_ - 1 < likely) return false;
    return mask(at_ - 2, end, "<api-key:redacted>");
  }

  // Between a name and its value: quotes, blanks and one of : = , perhaps escaped. Bounded.
  struct Gap {
    std::size_t end;       // where the value starts, after its opening quote
    char separator = 0;    // : = ,
    char quote = 0;        // what opened the value, 0 if nothing did
    bool escaped = false;  // the value's quote is \" as in JSON inside of JSON
  };
  Gap gap_from(std::size_t i) const {
    Gap gap{i};
    for (std::size_t const stop = i + 16; gap.end < text_.size() && gap.end < stop; ++gap.end) {
      char const c = text_[gap.end];
      if (c == '"' || c == '\'') {
        if (gap.separator != 0) {
          gap.quote = c;
          gap.escaped = text_[gap.end - 1] == '\\';
          ++gap.end;
          break;
        }
      } else if (c == ':' || c == '=' || c == ',') {
        if (gap.separator != 0) break;
        gap.separator = c;
      } else if (c == '%' && text_at(gap.end, "%3d") && gap.separator == 0) {
        gap.separator = '=';
        gap.end += 2;
      } else if (c != ' ' && c != '\t' && c != '\\') {
        break;
      }
    }
    return gap;
  }
  // Where the value that starts after `gap` ends: at its closing quote, or at the end of its line.
  std::size_t quoted_end(Gap const& gap) const {
    std::size_t i = gap.end;
    for (; i < text_.size() && text_[i] != '\n' && text_[i] != '\r'; ++i) {
      if (gap.quote == 0) continue;
      if (text_[i] == gap.quote) return gap.escaped && i > gap.end ? i - 1 : i;
      if (text_[i] == '\\') {
        if (gap.escaped && at(i + 1) == gap.quote) return i;
        ++i;
      }
    }
    return std::min(i, text_.size());
  }
  static bool ends_bare_value(char c) {
    return static_cast<unsigned char>(c) <= ' ' ||
           std::string_view("&\"'`<>(){}[],;\\").find(c) != std::string_view::npos;
  }

  // access_token=…, "refresh_token":"…", LITELLM_PROXY_API_KEY=…; at_ is on the last "_" or "-" of
  // the name, or on the k of apikey.
  bool named_value() {
    struct Name {
      std::string_view before;
      std::string_view after;  // with what at_ is on
      std::string_view label;
    };
    static constexpr std::array<Name, 12> names = {{
        {"access", "_token", "<access-token:redacted>"},
        {"refresh", "_token", "<refresh-token:redacted>"},
        {"id", "_token", "<id-token:redacted>"},
        {"oauth", "_token", "<oauth-token:redacted>"},
        {"github", "_token", "<github-token:redacted>"},
        {"gh", "_token", "<github-token:redacted>"},
        {"copilot", "_token", "<copilot-token:redacted>"},
        {"client", "_secret", "<client-secret:redacted>"},
        {"api", "_key", "<api-key:redacted>"},
        {"api", "-key", "<api-key:redacted>"},
        {"api", "key", "<api-key:redacted>"},
        {"device", "_code", "<device-code:redacted>"},
    }};
    for (Name const& name : names) {
      if (!text_at(at_, name.after) || !text_before(name.before.size(), name.before)) continue;
      std::size_t const name_end = at_ + name.after.size();
      Gap const gap = gap_from(name_end);
      if (gap.separator == 0 || is_word(at(name_end))) return false;
      if (gap.quote != 0) {
        std::size_t const end = quoted_end(gap);
        return end - gap.end >= shortest && mask(gap.end, end, name.label);
      }
      if (gap.separator != '=') {
        // After a colon or a comma prose may follow: "GITHUB_TOKEN: it is malformed".
        std::size_t const end = run_from(gap.end, [](char c) {
          return is_word(c) || std::string_view("-.~+/=").find(c) != std::string_view::npos;
        });
        return end - gap.end >= likely && mask(gap.end, end, name.label);
      }
      std::size_t const end = run_from(gap.end, [](char c) { return !ends_bare_value(c); });
      return end - gap.end >= shortest && mask(gap.end, end, name.label);
    }
    return false;
  }

  // Authorization: …, "authorization": "…", ("authorization", "…"); at_ is on the z.
  bool authorization() {
    if (!text_before(7, "authorization")) return false;
    Gap const gap = gap_from(at_ + 6);
    if (gap.separator == 0) return false;
    struct Scheme {
      std::string_view word;
      std::string_view label;
    };
    static constexpr std::array<Scheme, 3> schemes = {{{"bearer ", "<bearer:redacted>"},
                                                       {"basic ", "<basic:redacted>"},
                                                       {"token ", "<token:redacted>"}}};
    for (Scheme const& scheme : schemes) {
      if (!text_at(gap.end, scheme.word)) continue;
      std::size_t const begin =
          run_from(gap.end + scheme.word.size(), [](char c) { return c == ' '; });
      std::size_t const end = run_from(begin, [](char c) { return !ends_bare_value(c); });
      return end > begin && mask(begin, end, scheme.label);
    }
    std::size_t const end = quoted_end(gap);
    return end - gap.end >= shortest && mask(gap.end, end, "<authorization:redacted>");
  }

  // Cookie: …, Set-Cookie: …; at_ is on the k.
  bool cookie() {
    if (!text_before(3, "cookie") || !at_word_start(at_ - 3)) return false;
    Gap const gap = gap_from(at_ + 3);
    if (gap.separator == 0) return false;
    // "cookie: none" is no cookie. Only the start is looked at, so that giving up is cheap.
    std::string_view start = text_.substr(gap.end, 128);
    start = start.substr(0, start.find_first_of("\r\n\"'"));
    if (start.find('=') == std::string_view::npos) return false;
    std::size_t const end = quoted_end(gap);
    return mask(gap.end, end, "<cookie:redacted>");
  }

  // Bearer …, Basic … outside of a header; at_ is on the B.
  void bearer() {
    bool const is_bearer = text_at(at_, "bearer ");
    if ((!is_bearer && !text_at(at_, "basic ")) || !at_word_start(at_)) return;
    std::size_t const begin = at_ + (is_bearer ? 7 : 6);
    bool has_digit = false;
    std::size_t const end = run_from(begin, [&](char c) {
      has_digit = has_digit || is_digit(c) || c == '=';
      return is_alnum(c) || std::string_view("-._~+/=;:").find(c) != std::string_view::npos;
    });
    // "The bearer certificate" is prose.
    if (end - begin < (has_digit ? shortest : likely)) return;
    mask(begin, end, is_bearer ? "<bearer:redacted>" : "<basic:redacted>");
  }

  // https://user:password@host; at_ is on the colon before the slashes.
  void userinfo() {
    if (at(at_ + 1) != '/' || at(at_ + 2) != '/') return;
    std::size_t const begin = at_ + 3;
    std::size_t last = begin;
    std::size_t i = begin;
    for (; i < text_.size() && text_[i] != '/' && text_[i] != '?' && !ends_bare_value(text_[i]);
         ++i)
      if (text_[i] == '@') last = i;
    if (last > begin) masks_.push_back({begin, last, "<userinfo:redacted>"});
  }

  std::string_view text_;
  Masks& masks_;
  std::size_t at_ = 0;
};

}  // namespace

void Redactor::add(Secret const& secret, std::string_view kind) {
  std::string_view const text = secret.reveal();
  if (text.size() < window) return;
  std::uint64_t fingerprint = text.size();
  for (std::size_t i = 0; i + window <= text.size(); ++i)
    fingerprint = (fingerprint ^ hash_window(text.data() + i)) * 0x100000001b3u;
  std::string label = "<" + std::string(kind) + ":redacted>";
  for (Known const& each : known_) {
    if (each.fingerprint == fingerprint && each.label == label) return;
  }

  Known known{std::move(label), fingerprint, {}};
  std::vector<bool> const marks = public_bytes(text);
  known.pieces.reserve(text.size() - window + 1);
  for (std::size_t i = 0; i + window <= text.size(); ++i) {
    auto const from = marks.begin() + static_cast<std::ptrdiff_t>(i);
    bool const is_public = std::all_of(from, from + window, [](bool mark) { return mark; });
    known.pieces.push_back(hash_window(text.data() + i) | (is_public ? public_bit : 0));
  }

  auto const same_kind = [&](Known const& each) { return each.label == known.label; };
  if (std::count_if(known_.begin(), known_.end(), same_kind) >=
      static_cast<std::ptrdiff_t>(kept_per_kind))
    known_.erase(std::find_if(known_.begin(), known_.end(), same_kind));
  if (known_.size() >= (std::size_t{1} << known_bits)) known_.erase(known_.begin());
  known_.push_back(std::move(known));
  rebuild();
}

void Redactor::rebuild() {
  std::size_t pieces = 0;
  for (Known const& known : known_) pieces += known.pieces.size();
  std::size_t size = 64;
  while (size < 2 * pieces) size *= 2;
  table_.assign(size, 0);
  for (std::size_t number = 0; number < known_.size(); ++number) {
    for (std::uint64_t const piece : known_[number].pieces) {
      std::uint64_t const hash = piece & hash_mask;
      std::size_t slot = home(hash, size);
      while (table_[slot] != 0 && (table_[slot] & hash_mask) != hash)
        slot = (slot + 1) & (size - 1);
      // Secret in one, public in another: secret.
      if (table_[slot] == 0 || (piece & public_bit) == 0)
        table_[slot] = piece | (number << known_shift);
    }
  }
}

std::string Redactor::redact(std::string_view text) const {
  Masks masks;
  PatternScan(text, masks).run();

  if (!table_.empty()) {
    // Looks up each window of `bytes`. A run of pieces is masked when one of them is secret.
    auto const scan = [&](std::string_view bytes, auto const& place) {
      bool open = false;
      bool secret = false;
      std::size_t begin = 0;
      std::size_t end = 0;
      std::size_t number = 0;
      auto const close = [&] {
        if (open && secret) masks.push_back({place(begin), place(end), known_[number].label, true});
        open = secret = false;
      };
      for (std::size_t i = 0; i + window <= bytes.size(); ++i) {
        std::uint64_t const* const piece = find_piece(table_, hash_window(bytes.data() + i));
        if (piece == nullptr) continue;
        if (open && i > end) close();
        if (!open) begin = i;
        if (!secret) number = static_cast<std::size_t>((*piece & ~hash_mask) >> known_shift);
        open = true;
        secret = secret || (*piece & public_bit) == 0;
        end = i + window;
      }
      close();
    };
    scan(text, [](std::size_t i) { return i; });

    auto const scan_decoded = [&](Decoded const& decoded) {
      scan(decoded.bytes, [&](std::size_t i) { return decoded.at[i]; });
    };
    if (text.find('%') != std::string_view::npos) scan_decoded(percent_decoded(text, '+'));
    if (text.find('+') != std::string_view::npos) scan_decoded(percent_decoded(text, ' '));
    if (text.find('\\') != std::string_view::npos) scan_decoded(json_unescaped(text));

    // Eight bytes are eleven characters of base64.
    for (std::size_t i = 0; i < text.size();) {
      std::size_t run = i;
      while (run < text.size() && base64_value(text[run]) >= 0) ++run;
      if (run - i >= 11) {
        for (std::size_t shift = 0; shift < 4 && i + shift < run; ++shift) {
          std::size_t const first = i + shift;
          std::string bytes;
          bytes.reserve((run - first) * 3 / 4 + 1);
          std::uint32_t bits = 0;
          unsigned held = 0;
          for (std::size_t k = first; k < run; ++k) {
            bits = (bits << 6) | static_cast<std::uint32_t>(base64_value(text[k]));
            held += 6;
            if (held >= 8) {
              held -= 8;
              bytes += static_cast<char>((bits >> held) & 0xff);
            }
          }
          // Byte n lies in the characters 8n/6 to (8n+7)/6; both ends are masked whole.
          std::size_t const before = masks.size();
          scan(bytes, [](std::size_t n) { return n; });
          for (std::size_t m = before; m < masks.size(); ++m) {
            masks[m].begin = first + masks[m].begin * 8 / 6;
            masks[m].end = first + (masks[m].end * 8 + 5) / 6;
          }
        }
      }
      i = run + 1;
    }
  }

  if (masks.empty()) return std::string(text);
  std::sort(masks.begin(), masks.end(), [](Mask const& a, Mask const& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
  });
  std::string out;
  out.reserve(text.size());
  std::size_t copied = 0;
  for (std::size_t i = 0; i < masks.size();) {
    Mask merged = masks[i];
    for (++i; i < masks.size() && masks[i].begin < merged.end; ++i) {
      if (masks[i].registered && !merged.registered) merged.label = masks[i].label;
      merged.registered = merged.registered || masks[i].registered;
      merged.end = std::max(merged.end, masks[i].end);
    }
    out += text.substr(copied, merged.begin - copied);
    out += merged.label;
    copied = merged.end;
  }
  out += text.substr(copied);
  return out;
}

}  // namespace jumpseat
