// One buffer, consumed from the front. Header lines are judged as they come; a body is handed out
// in place, so its bytes are copied once, by the read itself. A long body is read into a text of
// its own, which has the length that the header announced and can be taken as it is.

#include "protocol/framing.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>

namespace jumpseat {
namespace {

constexpr std::size_t least_room = 16u << 10;
constexpr std::size_t usual_capacity = 64u << 10;
constexpr std::size_t room_for_edits = 512;  // in a long body that is taken

// Larger than any message that exists, small enough for every file offset and counter.
constexpr std::uint64_t largest_length = INT64_MAX;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view lower_case) {
  return std::ranges::equal(a, lower_case, {}, lower);
}

// RFC 9110, section 5.6.2. What is not a name is not a header, whatever it is.
bool is_field_name(std::string_view name) {
  auto const is_token = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
  };
  return !name.empty() && std::ranges::all_of(name, is_token);
}

std::string_view trim(std::string_view text) {
  auto const is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

FrameReader::FrameReader(FrameLimits limits) : limits_(limits) {}

std::span<char> FrameReader::prepare() {
  if (!why_.empty()) drop(held());
  if (handed_out_) take({});  // nobody took it
  if (long_body_.empty() && body_ && *body_ > usual_capacity && *body_ > held()) gather(*body_);
  if (gathered_ < long_body_.size()) {
    return std::span(long_body_.data() + gathered_, long_body_.size() - gathered_);
  }
  std::size_t room = least_room;
  if (long_body_.empty() && body_ && *body_ > held()) room = std::max(room, *body_ - held());
  std::size_t const needed = held() + room;

  if (capacity_ > usual_capacity && needed <= usual_capacity) {
    reallocate(usual_capacity);  // what had piled up is done
  } else if (needed > capacity_) {
    // Twice as much where bytes pile up that nobody asks for with next().
    reallocate(std::max({needed, usual_capacity, 2 * held()}));
  } else if (capacity_ - end_ < room) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, held());
    end_ = held();
    begin_ = 0;
  }
  return std::span(buffer_.get() + end_, capacity_ - end_);
}

// Makes the long body's own place and moves there what has come of it.
void FrameReader::gather(std::size_t length) {
  long_body_.reserve(length + room_for_edits);
  long_body_.resize(length);
  gathered_ = held();
  std::memcpy(long_body_.data(), buffer_.get() + begin_, gathered_);
  drop(gathered_);
}

std::string FrameReader::take(std::string_view part) {
  if (!handed_out_) return std::string(part);
  std::less<char const*> const before;
  char const* const begin = long_body_.data();
  bool const within = !part.empty() && !before(part.data(), begin) &&
                      before(part.data(), begin + long_body_.size());
  gathered_ = 0;
  handed_out_ = false;
  std::string text = std::exchange(long_body_, {});
  if (!within) return std::string(part);
  auto const offset = static_cast<std::size_t>(part.data() - begin);
  text.resize(offset + part.size());
  text.erase(0, offset);
  return text;
}

void FrameReader::reallocate(std::size_t capacity) {
  // Not value-initialised: pages that no byte has arrived for stay untouched.
  auto buffer = std::make_unique_for_overwrite<char[]>(capacity);
  if (held() != 0) std::memcpy(buffer.get(), buffer_.get() + begin_, held());
  buffer_ = std::move(buffer);
  capacity_ = capacity;
  end_ = held();
  begin_ = 0;
}

void FrameReader::commit(std::size_t count) {
  if (gathered_ < long_body_.size()) {
    assert(count <= long_body_.size() - gathered_);
    gathered_ += count;
    return;
  }
  assert(count <= capacity_ - end_);
  end_ += count;
}

void FrameReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    std::span<char> const space = prepare();
    std::size_t const count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    commit(count);
    bytes.remove_prefix(count);
  }
}

void FrameReader::drop(std::size_t count) {
  begin_ += count;
  scanned_ = 0;
  if (begin_ == end_) begin_ = end_ = 0;
}

FrameReader::Broken FrameReader::broken(std::string_view why) {
  why_ = why;
  return Broken{std::string(why_)};
}

FrameReader::Event FrameReader::next() {
  if (!why_.empty()) return Broken{std::string(why_)};
  if (skip_ != 0) {
    std::size_t const count = std::min(skip_, held());
    drop(count);
    skip_ -= count;
    if (skip_ != 0) return Incomplete{};
  }
  if (!body_) {
    Event event = read_header();
    if (!body_) return event;
  }
  if (!long_body_.empty() && !handed_out_) {
    if (gathered_ < long_body_.size()) return Incomplete{};
    handed_out_ = true;
    body_.reset();
    return Body{long_body_};
  }
  if (held() < *body_) return Incomplete{};
  std::string_view const text(buffer_.get() + begin_, *body_);
  drop(*body_);
  body_.reset();
  return Body{text};
}

// Consumes header lines; sets body_ when the block is complete and its body is wanted.
FrameReader::Event FrameReader::read_header() {
  while (true) {
    std::string_view const bytes(buffer_.get() + begin_, held());
    std::size_t const newline = bytes.find('\n', scanned_);
    std::size_t const line_size = newline == std::string_view::npos ? bytes.size() : newline + 1;
    if (header_ + line_size > limits_.max_header) return broken("message header too long");
    if (newline == std::string_view::npos) {
      scanned_ = bytes.size();
      return Incomplete{};
    }
    std::string_view line = bytes.substr(0, newline);
    if (line.ends_with('\r')) line.remove_suffix(1);
    bool const blank = line.empty();
    if (!blank && !read_field(line)) return Broken{std::string(why_)};
    drop(line_size);
    if (!blank) {
      header_ += line_size;
      continue;
    }
    if (header_ == 0) continue;  // a blank line between frames
    if (!length_) return broken("message header without Content-Length");
    std::size_t const length = *length_;
    header_ = 0;
    length_.reset();
    if (length <= limits_.max_body) {
      body_ = length;
      return Incomplete{};
    }
    skip_ = length;
    return Oversized{length};
  }
}

// False, and broken, when `line` is not a header field or a Content-Length that cannot be used.
bool FrameReader::read_field(std::string_view line) {
  std::size_t const colon = line.find(':');
  std::string_view const name = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_field_name(name)) {
    broken("not a message header; expected Content-Length");
    return false;
  }
  if (!same_name(name, "content-length")) return true;
  if (length_) {
    broken("Content-Length given twice");
    return false;
  }
  std::string_view const value = trim(line.substr(colon + 1));
  if (value.empty() || value.find_first_not_of("0123456789") != std::string_view::npos) {
    broken("Content-Length is not a number");
    return false;
  }
  std::uint64_t length = 0;
  for (char const c : value) {
    auto const digit = static_cast<std::uint64_t>(c - '0');
    if (length > (largest_length - digit) / 10) {
      broken("Content-Length is too large");
      return false;
    }
    length = length * 10 + digit;
  }
  length_ = length;
  return true;
}

bool FrameReader::at_boundary() const {
  return held() == 0 && header_ == 0 && !body_ && skip_ == 0 && why_.empty();
}

std::string frame_header(std::size_t length) {
  return "Content-Length: " + std::to_string(length) + "\r\n\r\n";
}

}  // namespace jumpseat
