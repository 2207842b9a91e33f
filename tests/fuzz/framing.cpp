// FrameReader: the same bytes give the same events however they are cut, nothing is read or kept
// beyond the limits, and what comes out was in the input.
//
// The first byte says how the rest is cut into pieces.

#include "protocol/framing.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

namespace jumpseat {
namespace {

constexpr FrameLimits limits{.max_body = 256, .max_header = 128};

void require(bool condition) {
  if (!condition) std::abort();
}

// All events as text, and whether the stream ended between frames.
std::string read(std::string_view bytes, std::size_t piece) {
  FrameReader reader(limits);
  std::string events;
  while (true) {
    FrameReader::Event const event = reader.next();
    if (std::holds_alternative<FrameReader::Incomplete>(event)) {
      if (bytes.empty()) break;
      reader.feed(bytes.substr(0, piece));
      bytes.remove_prefix(std::min(piece, bytes.size()));
      require(reader.capacity() <= (64u << 10) + limits.max_body);
    } else if (auto const* body = std::get_if<FrameReader::Body>(&event)) {
      require(body->text.size() <= limits.max_body);
      events.append("body ").append(body->text).append("\n");
    } else if (auto const* oversized = std::get_if<FrameReader::Oversized>(&event)) {
      require(oversized->length > limits.max_body);
      events.append("oversized ").append(std::to_string(oversized->length)).append("\n");
    } else {
      require(!reader.at_boundary());
      events.append("broken ").append(std::get<FrameReader::Broken>(event).why);
      break;
    }
  }
  return events + (reader.at_boundary() ? "end" : "cut");
}

}  // namespace
}  // namespace jumpseat

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace jumpseat;
  if (size == 0) return 0;
  std::string_view const bytes(reinterpret_cast<char const*>(data + 1), size - 1);
  std::string const whole = read(bytes, bytes.size() + 1);
  require(read(bytes, 1) == whole);
  require(read(bytes, std::size_t{data[0]} + 1) == whole);
  // Whatever came, a reader that sits between frames reads the next frame.
  if (whole.ends_with("end")) {
    std::string const next = std::string(bytes) + frame_header(2) + "{}";
    require(read(next, next.size()) == whole.substr(0, whole.size() - 3) + "body {}\nend");
  }
  return 0;
}
