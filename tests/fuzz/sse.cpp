// SseReader: however a stream is cut, its events, its remainder and its failure are the same, and
// what sse_event() writes reads back.

#include "protocol/sse.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace jumpseat {
namespace {

constexpr std::size_t max_event = 200;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Read {
  std::vector<std::string> texts;  // name and data of each event
  std::string raw;                 // of all events
  std::string remainder;
  bool failed = false;
  bool started = false;
  bool operator==(Read const&) const = default;
};

class Reading {
 public:
  void feed(std::string_view bytes) {
    reader_.feed(bytes);
    while (!read_.failed) {
      auto const next = reader_.next();
      if (!next) {
        require(next.error().code() == ErrorCode::upstream_body_too_large);
        read_.failed = true;
        return;
      }
      if (!*next) return;
      require((*next)->raw.size() <= max_event + 2);
      require((*next)->data.find('\r') == std::string_view::npos || (*next)->raw.front() == '{');
      read_.texts.emplace_back((*next)->event);
      read_.texts.emplace_back((*next)->data);
      read_.raw += (*next)->raw;
    }
  }

  Read end() {
    read_.remainder = reader_.remainder();
    read_.started = reader_.started();
    return read_;
  }

 private:
  SseReader reader_{max_event};
  Read read_;
};

// An event's raw bytes may lack the LF of a CR LF that was cut in half, and a stream that fails may
// do so before its first line is whole; nothing else differs.
void require_same(Read whole, Read cut) {
  whole.raw.clear();
  cut.raw.clear();
  if (whole.failed) whole.started = cut.started = true;
  require(whole == cut);
}

}  // namespace
}  // namespace jumpseat

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace jumpseat;
  std::string_view const text(reinterpret_cast<char const*>(data), size);

  Reading all_at_once;
  all_at_once.feed(text);
  Read const whole = all_at_once.end();
  require(whole.raw.size() <= text.size());

  Reading byte_by_byte;
  for (std::size_t i = 0; i < text.size(); ++i) byte_by_byte.feed(text.substr(i, 1));
  require_same(whole, byte_by_byte.end());

  // The first byte says where else to cut.
  if (!text.empty()) {
    std::size_t const stride = static_cast<std::size_t>(data[0]) % 16 + 2;
    Reading in_pieces;
    for (std::size_t i = 0; i < text.size(); i += stride) in_pieces.feed(text.substr(i, stride));
    require_same(whole, in_pieces.end());
  }

  SseReader reader;
  std::string const written = sse_comment(text) + sse_event(text, "name");
  reader.feed(written);
  auto const event = reader.next();
  require(event.has_value() && event->has_value());
  require((*event)->event == "name");
  // Line ends of any kind come back as LF.
  std::string expected;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    expected.push_back(text[i] == '\r' ? '\n' : text[i]);
  }
  require((*event)->data == expected);
  require(!reader.next()->has_value() && reader.remainder().empty());
  return 0;
}
