// The scanner proper: the grammar around the strings. Strings themselves, nearly all of a prompt,
// are judged and skipped in scan_blocks.h.
//
// check_json() judges; everything else trusts its verdict and only skips. A text that was never
// judged gives nonsense but is never read beyond its end.

#include "protocol/scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <utility>

#include "protocol/scan_blocks.h"

namespace jumpseat {
namespace {

constexpr std::size_t depth_ceiling = 1024;

// ---- Runs of bytes ----------------------------------------------------------

using scan::Block;
using scan::byte;
using scan::sequence;

// Bytes that stand for themselves in a string: ASCII but for quote, backslash and controls.
bool is_plain(char c) { return c != '"' && c != '\\' && byte(c) >= 0x20 && byte(c) < 0x80; }

// The first byte at or after `at` that is not plain, or `end`.
char const* skip_plain(char const* at, char const* end) {
  // Keys, ids and pieces of text are short.
  if (end - at >= scan::ShortBlock::size) {
    std::uint64_t const mask = scan::ShortBlock(at).not_plain();
    if (mask != 0) return at + std::countr_zero(mask);
    at += scan::ShortBlock::size;
  }
  while (end - at >= Block::size) {
    std::uint64_t const mask = Block(at).not_plain();
    if (mask != 0) return at + std::countr_zero(mask);
    at += Block::size;
  }
  while (end - at >= scan::ShortBlock::size) {
    std::uint64_t const mask = scan::ShortBlock(at).not_plain();
    if (mask != 0) return at + std::countr_zero(mask);
    at += scan::ShortBlock::size;
  }
  while (at != end && is_plain(*at)) ++at;
  return at;
}

// The first `c` at or after `at`, or `end`.
char const* find(char const* at, char const* end, char c) {
  if (at == end) return end;
  void const* const found = std::memchr(at, c, static_cast<std::size_t>(end - at));
  return found == nullptr ? end : static_cast<char const*>(found);
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

char const* skip_space(char const* at, char const* end) {
  while (at != end && is_space(*at)) ++at;
  return at;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// ---- Escapes of one letter ----------------------------------------------------

using ByteMap = std::array<char, 256>;

// From one byte to another; 0 for all that are not mapped.
consteval ByteMap byte_map(std::string_view from, std::string_view to) {
  ByteMap map{};
  for (std::size_t i = 0; i < from.size(); ++i) map[static_cast<unsigned char>(from[i])] = to[i];
  return map;
}

constexpr ByteMap meaning_of_escape = byte_map("\"\\/bfnrt", "\"\\/\b\f\n\r\t");
constexpr ByteMap meaning_of_needed_escape = byte_map("\"\\bfnrt", "\"\\\b\f\n\r\t");
constexpr ByteMap escape_for = byte_map("\"\\\b\f\n\r\t", "\"\\bfnrt");

// ---- UTF-8 ------------------------------------------------------------------

// Behind the well-formed sequences that follow each other from `at` on.
char const* skip_non_ascii(char const* at, char const* end) {
  while (at != end && byte(*at) >= 0x80) {
    // Three bytes are the common case where there are many (CJK). The second byte's top bit tells
    // overlong forms from the rest after E0, and surrogates from the rest after ED.
    if (end - at >= 3 && (byte(at[0]) & 0xF0) == 0xE0 && (byte(at[1]) & 0xC0) == 0x80 &&
        (byte(at[2]) & 0xC0) == 0x80) {
      unsigned const top = (byte(at[0]) & 0xFu) << 1 | (byte(at[1]) >> 5 & 1u);
      if (top == 0 || top == 0x1B) return at;
      at += 3;
      continue;
    }
    auto const [length, well_formed] = sequence(at, end);
    if (!well_formed) return at;
    at += length;
  }
  return at;
}

constexpr char32_t replacement = 0xFFFD;

void append_utf8(std::string& out, char32_t code) {
  auto const put = [&out](char32_t bits) { out.push_back(static_cast<char>(bits)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// ---- Judging ----------------------------------------------------------------

class Judge {
 public:
  Judge(std::string_view text, std::size_t max_depth)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), max_depth_(max_depth) {}

  std::optional<JsonProblem> judge();

 private:
  using Verdict = std::optional<JsonProblem>;
  static constexpr std::nullopt_t fine = std::nullopt;
  Verdict problem(std::string_view why) const {
    return JsonProblem{static_cast<std::size_t>(at_ - begin_), why};
  }
  Verdict unexpected() const {
    return problem(at_ == end_ ? "unexpected end of text" : "unexpected character");
  }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  void space() { at_ = skip_space(at_, end_); }

  Verdict open(bool object);
  Verdict key();
  Verdict scalar();
  Verdict string();
  Verdict bad_string();
  Verdict not_plain();
  Verdict escape();
  Verdict number();
  Verdict digits();
  Verdict word(std::string_view expected);

  char const* begin_;
  char const* at_;
  char const* end_;
  std::size_t max_depth_;
  std::size_t depth_ = 0;
  std::bitset<depth_ceiling> is_object_;  // by depth: what is open there
};

std::optional<JsonProblem> Judge::judge() {
  if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with("\xEF\xBB\xBF")) {
    return problem("byte-order mark");
  }
  while (true) {
    // A value has to start here, or an array to end that has just begun.
    space();
    if (take('{')) {
      if (auto p = open(true)) return p;
      space();
      if (at_ == end_ || *at_ != '}') {
        if (auto p = key()) return p;
        continue;
      }
    } else if (take('[')) {
      if (auto p = open(false)) return p;
      space();
      if (at_ == end_ || *at_ != ']') continue;
    } else if (auto p = scalar()) {
      return p;
    }
    // A value is complete, or a container still empty: close what ends here.
    while (true) {
      space();
      if (depth_ == 0) return at_ == end_ ? fine : problem("unexpected text after the value");
      bool const object = is_object_[depth_ - 1];
      if (take(',')) {
        if (object) {
          space();
          if (auto p = key()) return p;
        }
        break;
      }
      if (!take(object ? '}' : ']')) return unexpected();
      --depth_;
    }
  }
}

Judge::Verdict Judge::open(bool object) {
  if (depth_ == max_depth_) {
    --at_;
    return problem("nested too deeply");
  }
  is_object_[depth_++] = object;
  return fine;
}

Judge::Verdict Judge::key() {
  if (!take('"')) return unexpected();
  if (auto p = string()) return p;
  space();
  if (!take(':')) return unexpected();
  return fine;
}

Judge::Verdict Judge::scalar() {
  if (at_ == end_) return unexpected();
  switch (*at_) {
    case '"':
      ++at_;
      return string();
    case 't':
      return word("true");
    case 'f':
      return word("false");
    case 'n':
      return word("null");
    default:
      return number();
  }
}

// After the opening quote.
Judge::Verdict Judge::string() {
  if (char const* const behind = scan::end_of_good_string<Block>(at_, end_)) {
    at_ = behind;
    return fine;
  }
  return bad_string();
}

// Of a string that is not good: where and why.
Judge::Verdict Judge::bad_string() {
  while ((at_ = skip_plain(at_, end_)) != end_) {
    if (take('"')) return fine;
    if (auto p = not_plain()) return p;
  }
  return problem("unterminated string");
}

// An escape, a run of bytes outside ASCII, or what must not be in a string.
Judge::Verdict Judge::not_plain() {
  if (*at_ == '\\') return escape();
  if (byte(*at_) < 0x20) return problem("control character in a string");
  at_ = skip_non_ascii(at_, end_);
  if (at_ == end_ || byte(*at_) < 0x80) return fine;
  return problem("invalid UTF-8");
}

// At the backslash. Surrogates may come alone: RFC 8259, section 8.2, leaves that open, and
// editors that cut text in the middle of a pair do send them.
Judge::Verdict Judge::escape() {
  if (end_ - at_ < 2) return problem("unterminated string");
  if (meaning_of_escape[byte(at_[1])] != 0) {
    at_ += 2;
    return fine;
  }
  if (at_[1] != 'u') return problem("invalid escape");
  for (int i = 2; i < 6; ++i) {
    if (end_ - at_ <= i) return problem("unterminated string");
    if (hex_digit(at_[i]) < 0) return problem("invalid escape");
  }
  at_ += 6;
  return fine;
}

Judge::Verdict Judge::number() {
  bool const negative = take('-');
  if (at_ == end_ || !is_digit(*at_)) return negative ? problem("invalid number") : unexpected();
  if (!take('0')) {
    if (auto p = digits()) return p;
  } else if (at_ != end_ && is_digit(*at_)) {
    return problem("number with a leading zero");
  }
  if (take('.')) {
    if (auto p = digits()) return p;
  }
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (auto p = digits()) return p;
  }
  return fine;
}

Judge::Verdict Judge::digits() {
  if (at_ == end_ || !is_digit(*at_)) return problem("invalid number");
  while (at_ != end_ && is_digit(*at_)) ++at_;
  return fine;
}

Judge::Verdict Judge::word(std::string_view expected) {
  for (char const c : expected) {
    if (!take(c)) return unexpected();
  }
  return fine;
}

// ---- Skipping what has been judged ------------------------------------------

// From the first byte of a value to behind its last.
char const* skip_value(char const* at, char const* end) {
  std::size_t depth = 0;
  while (at != end) {
    switch (*at++) {
      case '"':
        at = scan::skip_string<Block>(at, end);
        break;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth != 0) --depth;
        break;
      case ' ':
      case '\n':
      case '\r':
      case '\t':
      case ',':
      case ':':
        continue;
      default:  // a number or a word
        while (at != end && !is_space(*at) && *at != ',' && *at != ']' && *at != '}') ++at;
        break;
    }
    if (depth == 0) break;
  }
  return at;
}

// Behind the opening bracket or brace of `text`, or null when it starts with anything else.
char const* enter(std::string_view text, char opening) {
  char const* at = text.data();
  char const* const end = at + text.size();
  at = skip_space(at, end);
  return at != end && *at == opening ? at + 1 : nullptr;
}

// From behind the opening or behind a value to the next member or element; null when there is none.
char const* skip_to_next(char const* at, char const* end) {
  at = skip_space(at, end);
  if (at != end && *at == ',') at = skip_space(at + 1, end);
  return at == end || *at == '}' || *at == ']' ? nullptr : at;
}

std::string_view between(char const* begin, char const* end) {
  return std::string_view(begin, static_cast<std::size_t>(end - begin));
}

// The four hex digits at `at`, or -1.
std::int32_t code_unit(char const* at, char const* end) {
  if (end - at < 4) return -1;
  std::int32_t unit = 0;
  for (int i = 0; i < 4; ++i) {
    int const digit = hex_digit(at[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

// Appends what the escape stands for whose backslash is at `at`; returns the place behind it.
char const* append_unescaped(std::string& out, char const* at, char const* end) {
  if (end - at < 2) return end;
  char const kind = at[1];
  at += 2;
  if (kind != 'u') {
    out.push_back(meaning_of_escape[byte(kind)]);
    return at;
  }
  std::int32_t const first = code_unit(at, end);
  if (first < 0) return end;
  at += 4;
  if (first < 0xD800 || first > 0xDFFF) {
    append_utf8(out, static_cast<char32_t>(first));
    return at;
  }
  if (first < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
    std::int32_t const second = code_unit(at + 2, end);
    if (second >= 0xDC00 && second <= 0xDFFF) {
      append_utf8(out,
                  static_cast<char32_t>(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)));
      return at + 6;
    }
  }
  append_utf8(out, replacement);
  return at;
}

// `text` is what stands between the quotes.
std::string unescape_inside(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  char const* at = text.data();
  char const* const end = at + text.size();
  while (true) {
    char const* const escape = find(at, end, '\\');
    out.append(at, escape);
    if (escape == end) return out;
    at = append_unescaped(out, escape, end);
  }
}

void append_escaped(std::string& out, char c) {
  out.push_back('\\');
  if (char const letter = escape_for[byte(c)]; letter != 0) {
    out.push_back(letter);
    return;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  out.append("u00").append(1, digits[byte(c) >> 4]).append(1, digits[byte(c) & 0xF]);
}

}  // namespace

// ---- What the header declares -----------------------------------------------

std::optional<JsonProblem> check_json(std::string_view text, std::size_t max_depth) {
  return Judge(text, std::min(max_depth, depth_ceiling)).judge();
}

std::string JsonProblem::text() const {
  return std::string(why) + " at byte " + std::to_string(offset);
}

bool Member::is(std::string_view name) const {
  bool const differs = key.size() < name.size() || (key.size() == name.size() && key != name);
  if (differs) return false;  // an escape is longer than what it stands for
  if (key.find('\\') == std::string_view::npos) return key == name;
  return unescape_inside(key) == name;
}

MemberRange::iterator::iterator(char const* at, char const* end) : at_(at), end_(end) {
  if (at_ != nullptr) read();
}

MemberRange::iterator& MemberRange::iterator::operator++() {
  at_ = member_.whole.data() + member_.whole.size();
  read();
  return *this;
}

void MemberRange::iterator::read() {
  at_ = skip_to_next(at_, end_);
  if (at_ == nullptr) return;
  char const* const key_end = scan::skip_string<Block>(at_ + 1, end_);
  char const* value = skip_space(key_end, end_);
  if (*at_ != '"' || key_end - at_ < 2 || value == end_ || *value != ':') {
    at_ = nullptr;  // never judged
    return;
  }
  value = skip_space(value + 1, end_);
  char const* const value_end = skip_value(value, end_);
  member_ = {between(at_ + 1, key_end - 1), between(value, value_end), between(at_, value_end)};
}

MemberRange::iterator MemberRange::begin() const {
  return iterator(enter(object_, '{'), object_.data() + object_.size());
}

ElementRange::iterator::iterator(char const* at, char const* end) : at_(at), end_(end) {
  if (at_ != nullptr) read();
}

ElementRange::iterator& ElementRange::iterator::operator++() {
  at_ = element_.data() + element_.size();
  read();
  return *this;
}

void ElementRange::iterator::read() {
  at_ = skip_to_next(at_, end_);
  if (at_ != nullptr) element_ = between(at_, skip_value(at_, end_));
}

ElementRange::iterator ElementRange::begin() const {
  return iterator(enter(array_, '['), array_.data() + array_.size());
}

JsonWalk::JsonWalk(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {
  at_ = skip_space(at_, end_);
}

std::string_view JsonWalk::pass() {
  char const* const start = at_;
  at_ = skip_value(at_, end_);
  return between(start, at_);
}

bool JsonWalk::next() {
  char const* const found = skip_to_next(at_, end_);
  if (found != nullptr) {
    at_ = found;
    return true;
  }
  at_ = skip_space(at_, end_);
  if (at_ != end_) ++at_;
  return false;
}

bool JsonWalk::next_member(Member& member) {
  if (!next()) return false;
  char const* const start = at_;
  char const* const key_end = scan::skip_string<Block>(start + 1, end_);
  at_ = skip_space(key_end, end_);
  if (*start != '"' || key_end - start < 2 || at_ == end_ || *at_ != ':') {
    at_ = end_;  // never judged
    return false;
  }
  at_ = skip_space(at_ + 1, end_);
  member.key = between(start + 1, key_end - 1);
  member.value = between(at_, at_);
  member.whole = between(start, at_);
  return true;
}

void JsonWalk::complete(Member& member) const {
  char const* const value = member.value.data();
  char const* const whole = member.whole.data();
  member.value = between(value, at_);
  member.whole = between(whole, at_);
}

bool JsonWalk::next_element() { return next(); }

MemberPlace::MemberPlace(std::string_view object, Member const& member) {
  assert(object.size() <= UINT32_MAX);
  auto const offset = [&](char const* at) {
    return static_cast<std::uint32_t>(at - object.data());
  };
  start = offset(member.whole.data());
  key_end = offset(member.key.data() + member.key.size());
  value_start = offset(member.value.data());
  end = offset(member.value.data() + member.value.size());
}

Member MemberPlace::in(std::string_view object) const {
  auto const part = [&](std::uint32_t from, std::uint32_t to) {
    return object.substr(from, to - from);
  };
  return {part(start + 1, key_end), part(value_start, end), part(start, end)};
}

std::optional<std::string_view> find_member(std::string_view object, std::string_view key) {
  std::optional<std::string_view> found;
  for (Member const& member : members(object)) {
    if (member.is(key)) found = member.value;
  }
  return found;
}

namespace {

std::size_t string_length(std::string_view text, ByteMap const& escapes) {
  if (text.empty() || text.front() != '"') return 0;
  char const* at = text.data() + 1;
  char const* const end = text.data() + text.size();
  while ((at = skip_plain(at, end)) != end) {
    if (*at == '"') return static_cast<std::size_t>(at + 1 - text.data());
    if (*at == '\\') {
      if (end - at < 2 || escapes[byte(at[1])] == 0) return 0;
      at += 2;
    } else {
      char const* const behind = skip_non_ascii(at, end);
      if (behind == at) return 0;  // a control character, or not UTF-8
      at = behind;
    }
  }
  return 0;
}

}  // namespace

std::size_t simple_string_length(std::string_view text) {
  return string_length(text, meaning_of_escape);
}

std::size_t canonical_string_length(std::string_view text) {
  return string_length(text, meaning_of_needed_escape);
}

std::size_t whole_number_length(std::string_view text) {
  constexpr std::size_t most_digits = 15;
  std::size_t const sign = text.starts_with('-') ? 1 : 0;
  std::size_t at = sign;
  while (at < text.size() && is_digit(text[at])) ++at;
  std::size_t const digits = at - sign;
  if (digits == 0 || digits > most_digits || (digits > 1 && text[sign] == '0')) return 0;
  bool const goes_on = at < text.size() && (text[at] == '.' || text[at] == 'e' || text[at] == 'E');
  return goes_on ? 0 : at;
}

std::string unescape(std::string_view string_value) {
  assert(is_string(string_value) && string_value.size() >= 2);
  return unescape_inside(string_value.substr(1, string_value.size() - 2));
}

std::string quote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 16 + 2);
  out.push_back('"');
  char const* at = text.data();
  char const* const end = at + text.size();
  char const* copied = at;  // what lies before is in `out`
  while ((at = skip_plain(at, end)) != end) {
    if (byte(*at) >= 0x80) {
      auto const [length, well_formed] = sequence(at, end);
      if (!well_formed) {
        out.append(copied, at);
        append_utf8(out, replacement);
        copied = at + length;
      }
      at += length;
      continue;
    }
    out.append(copied, at);
    append_escaped(out, *at);
    copied = ++at;
  }
  out.append(copied, end);
  out.push_back('"');
  return out;
}

// ---- Splice -----------------------------------------------------------------

Splice::Splice(std::string_view object) : Splice(object, {}) {
  for (Member const& member : members(object)) {
    slots_.push_back({MemberPlace(object, member), untouched});
  }
}

Splice::Splice(std::string_view object, std::vector<MemberPlace> const& members) : object_(object) {
  char const* const inside = enter(object, '{');
  assert(inside != nullptr);
  inside_ = static_cast<std::size_t>(inside - object.data());
  slots_.reserve(members.size());
  for (MemberPlace const& place : members) slots_.push_back({place, untouched});
}

void Splice::set(std::string_view key, std::string value) {
  Change& change = change_for(key);
  change.value = std::move(value);
}

void Splice::remove(std::string_view key) {
  bool const there =
      std::ranges::any_of(slots_,
                          [&](Slot const& slot) { return slot.place.in(object_).is(key); }) ||
      std::ranges::any_of(changes_, [key](Change const& change) { return change.key == key; });
  if (there) change_for(key).value.reset();
}

Splice::Change& Splice::change_for(std::string_view key) {
  for (Change& change : changes_) {
    if (change.key == key) return change;
  }
  auto const index = static_cast<std::uint32_t>(changes_.size());
  Change& change = changes_.emplace_back();
  change.key = key;
  for (Slot& slot : slots_) {
    if (!slot.place.in(object_).is(key)) continue;
    slot.change = index;
    change.replaces = true;
  }
  return change;
}

bool Splice::unchanged() const {
  return std::ranges::none_of(changes_,
                              [](Change const& change) { return change.replaces || change.value; });
}

Splice::Parts Splice::parts(std::string& added) const {
  Parts out;
  out.reserve(2 * (slots_.size() + changes_.size()));
  auto const keep = [&out](std::string_view text) {
    if (text.empty()) return;
    if (!out.empty() && out.back().kept && out.back().text.end() == text.begin()) {
      std::string_view& last = out.back().text;
      last = std::string_view(last.data(), last.size() + text.size());
    } else {
      out.push_back({text, true});
    }
  };

  keep(object_.substr(0, inside_));
  bool first = true;
  std::size_t done = inside_;  // what lies before is dealt with
  for (Slot const& slot : slots_) {
    auto const [key, value, member] = slot.place.in(object_);
    std::size_t const start = slot.place.start;
    // The gap before a member holds its comma; the first member that stays goes without one.
    std::string_view gap = object_.substr(done, start - done);
    done = start + member.size();
    Change const* const change = slot.change == untouched ? nullptr : &changes_[slot.change];
    if (change != nullptr && !change->value) continue;
    if (first) gap.remove_prefix(std::min(gap.size(), gap.find(',') + 1));
    first = false;
    keep(gap);
    if (change == nullptr) {
      keep(member);
    } else {
      keep(member.substr(0, member.size() - value.size()));
      out.push_back({*change->value, false});
    }
  }
  for (Change const& change : changes_) {
    if (change.replaces || !change.value) continue;
    if (!first) added.push_back(',');
    first = false;
    added.append(quote(change.key)).append(":").append(*change.value);
  }
  if (!added.empty()) out.push_back({added, false});
  keep(object_.substr(done));
  return out;
}

std::string Splice::text() const {
  std::string added;
  return joined(parts(added));
}

std::string Splice::joined(Parts const& all) {
  std::size_t size = 0;
  for (Part const& part : all) size += part.text.size();
  std::string out;
  out.reserve(size);
  for (Part const& part : all) out.append(part.text);
  return out;
}

// The parts keep their order. So one that moves to the right can only come to lie on the old place
// of a later one, and one that moves to the left on that of an earlier one: those to the right go
// first, from the end; then those to the left, from the front; then the new texts fill the gaps.
void Splice::apply(std::string& object) && {
  assert(object.data() == object_.data() && object.size() == object_.size());
  std::string added;
  Parts const all = parts(added);
  std::size_t size = 0;
  for (Part const& part : all) size += part.text.size();
  if (size > object.capacity()) {
    object = joined(all);
    return;
  }

  object.resize(std::max(size, object.size()));  // within its capacity: every view stays good
  char* const begin = object.data();
  std::size_t place = size;
  for (auto part = all.rbegin(); part != all.rend(); ++part) {
    place -= part->text.size();
    if (part->kept && begin + place > part->text.data())
      std::memmove(begin + place, part->text.data(), part->text.size());
  }
  for (Part const& part : all) {
    if (part.kept && begin + place < part.text.data())
      std::memmove(begin + place, part.text.data(), part.text.size());
    place += part.text.size();
  }
  place = 0;
  for (Part const& part : all) {
    if (!part.kept) std::memcpy(begin + place, part.text.data(), part.text.size());
    place += part.text.size();
  }
  object.resize(size);
}

}  // namespace jumpseat
