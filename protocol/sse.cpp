// The reader keeps one buffer and hands out views into it. A line is looked at twice: once to find
// the blank line that ends its event, and once, then in one piece, to be understood.

#include "protocol/sse.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace jumpseat {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
// A buffer that one large event has blown up is given back.
constexpr std::size_t kept_capacity = 256u << 10;

std::size_t find_byte(std::string_view text, char byte, std::size_t from, std::size_t to) {
  if (from == to) return std::string_view::npos;
  void const* hit = std::memchr(text.data() + from, byte, to - from);
  return hit == nullptr ? std::string_view::npos
                        : static_cast<std::size_t>(static_cast<char const*>(hit) - text.data());
}

// The next LF or CR; npos when there is none. Looked for in strides, so that a text whose lines all
// end in CR is not searched to its end for an LF, line by line.
std::size_t find_line_end(std::string_view text, std::size_t from) {
  constexpr std::size_t stride = 1024;
  for (std::size_t to = from; from < text.size(); from = to) {
    to = std::min(from + stride, text.size());
    std::size_t const lf = find_byte(text, '\n', from, to);
    std::size_t const cr = find_byte(text, '\r', from, std::min(lf, to));
    if (std::min(lf, cr) != std::string_view::npos) return std::min(lf, cr);
  }
  return std::string_view::npos;
}

// The first line of `text`, which is removed from it together with its end: CR LF, LF or CR.
std::string_view take_line(std::string_view& text) {
  std::size_t const end = find_line_end(text, 0);
  std::string_view const line = text.substr(0, end);
  if (end == std::string_view::npos) {
    text = {};
  } else {
    bool const both = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
    text.remove_prefix(end + (both ? 2 : 1));
  }
  return line;
}

struct Field {
  std::string_view name;
  std::string_view value;
};

Field split_field(std::string_view line) {
  std::size_t const colon = line.find(':');
  if (colon == std::string_view::npos) return {line, {}};
  std::string_view value = line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  return {line.substr(0, colon), value};
}

bool is_sse_line(std::string_view line) {
  if (line.empty()) return false;
  std::string_view const name = line.substr(0, line.find(':'));
  return name.empty() || name == "data" || name == "event" || name == "id" || name == "retry";
}

// One line with `prefix` for each line of `text`, then the blank line.
void append_lines(std::string& out, std::string_view prefix, std::string_view text) {
  for (bool more = true; more;) {
    std::string_view const all = text;
    std::string_view const line = take_line(text);
    out.append(prefix).append(line).append(1, '\n');
    more = line.size() < all.size();  // a line end was there, so another line follows it
  }
  out.append(1, '\n');
}

}  // namespace

SseReader::SseReader(std::size_t max_event) : max_event_(max_event) {}

void SseReader::feed(std::string_view bytes) {
  if (failed_) return;
  if (begin_ == buffer_.size()) {
    if (buffer_.capacity() > kept_capacity) buffer_ = std::string();
    buffer_.clear();
    begin_ = line_ = scan_ = 0;
  } else if (begin_ > buffer_.size() / 2) {
    buffer_.erase(0, begin_);
    line_ -= begin_;
    scan_ -= begin_;
    begin_ = 0;
  }
  buffer_.append(bytes);
}

std::string SseReader::give_away() {
  if (failed_ || begin_ != buffer_.size()) return {};
  begin_ = line_ = scan_ = 0;
  return std::exchange(buffer_, {});
}

void SseReader::take_over(std::string&& bytes) {
  if (failed_ || !buffer_.empty()) {
    feed(bytes);
  } else {
    buffer_ = std::move(bytes);
  }
}

bool SseReader::read_line(std::string_view& line) {
  if (after_cr_) {
    if (scan_ == buffer_.size()) return false;
    after_cr_ = false;
    if (buffer_[scan_] == '\n') {
      // The other half of a line end that was taken as read. Between events it belongs to nobody.
      if (begin_ == scan_) ++begin_;
      line_ = ++scan_;
    }
  }
  std::size_t const size = buffer_.size();
  if (scan_ == size) return false;
  std::size_t const end = find_line_end(buffer_, scan_);
  if (end == std::string_view::npos) {
    scan_ = size;
    return false;
  }
  line = std::string_view(buffer_).substr(line_, end - line_);
  std::size_t behind = end + 1;
  if (buffer_[end] == '\r') {
    if (behind == size) {
      after_cr_ = true;
    } else if (buffer_[behind] == '\n') {
      ++behind;
    }
  }
  line_ = scan_ = behind;
  return true;
}

std::optional<SseEvent> SseReader::read_block(std::string_view block) {
  SseEvent event;
  event.raw = block;
  if (read_data_line(block, event)) return event;
  if (block.starts_with('{')) {
    std::size_t const end = block.find_last_not_of("\r\n");
    event.data = block.substr(0, end + 1);
    return event;
  }
  std::size_t data_lines = 0;
  while (!block.empty()) {
    std::string_view const line = take_line(block);
    auto const [name, value] = split_field(line);
    if (name == "data") {
      ++data_lines;
      if (data_lines == 1) {
        event.data = value;
      } else {
        if (data_lines == 2) data_.assign(event.data);
        data_.append(1, '\n').append(value);
      }
    } else if (name == "event") {
      event.event = value;
    }
  }
  if (data_lines == 0) return std::nullopt;
  if (data_lines > 1) event.data = data_;
  return event;
}

// Most events are one line of data.
bool SseReader::read_data_line(std::string_view block, SseEvent& event) const {
  constexpr std::string_view name = "data:";
  if (lines_ != 1 || !block.starts_with(name)) return false;
  block.remove_prefix(name.size());
  if (block.starts_with(' ')) block.remove_prefix(1);
  event.data = block.substr(0, block.find_last_not_of("\r\n") + 1);
  return true;
}

Result<std::optional<SseEvent>> SseReader::next() {
  auto const too_large = [this] {
    failed_ = true;
    buffer_ = std::string();
    begin_ = line_ = scan_ = 0;
    return fail(ErrorCode::upstream_body_too_large,
                "One event of the upstream's stream is larger than " + std::to_string(max_event_) +
                    " bytes. The answer was given up.");
  };
  if (failed_) return too_large();
  if (!bom_checked_) {
    std::string_view const start = std::string_view(buffer_).substr(0, byte_order_mark.size());
    if (start == byte_order_mark) {
      begin_ = line_ = scan_ = start.size();
    } else if (byte_order_mark.starts_with(start)) {
      return std::optional<SseEvent>();  // perhaps the first half of one
    }
    bom_checked_ = true;
  }
  std::string_view line;
  while (read_line(line)) {
    if (!started_ && is_sse_line(line)) started_ = true;
    // The blank line does not count: its length depends on how the stream was cut.
    std::size_t const size =
        line.empty() ? static_cast<std::size_t>(line.data() - buffer_.data()) : line_;
    if (size - begin_ > max_event_) return too_large();
    if (line.empty()) {
      std::string_view const block = std::string_view(buffer_).substr(begin_, line_ - begin_);
      begin_ = line_;
      std::optional<SseEvent> event = read_block(block);
      lines_ = 0;
      if (event) return event;
    } else if (line.front() == ':' && line.data() == buffer_.data() + begin_) {
      // A comment between events is dropped at once: nothing piles up in a stream of comments.
      begin_ = line_;
    } else {
      ++lines_;
    }
  }
  if (buffer_.size() - begin_ > max_event_) return too_large();
  return std::optional<SseEvent>();
}

std::string_view SseReader::remainder() const { return std::string_view(buffer_).substr(begin_); }

std::string sse_event(std::string_view data, std::string_view event) {
  std::string out;
  out.reserve(data.size() + event.size() + 18);
  if (!event.empty()) out.append("event: ").append(take_line(event)).append(1, '\n');
  append_lines(out, "data: ", data);
  return out;
}

std::string sse_comment(std::string_view text) {
  std::string out;
  append_lines(out, ": ", text);
  return out;
}

}  // namespace jumpseat
