// Server-sent events (WHATWG HTML, "Server-sent events"), read and written. SseReader is fed bytes
// cut anywhere and yields whole events; it does no I/O.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace jumpseat {

// One event. Views are valid until the next feed() or next().
struct SseEvent {
  std::string_view event;  // empty means "message"
  std::string_view data;   // data lines joined with \n
  // The event's own bytes, blank line included. A blank line of CR LF that two reads cut in half
  // shows only its CR, which ends an event as well: nobody waits for the other half.
  std::string_view raw;
};

class SseReader {
 public:
  explicit SseReader(std::size_t max_event = 16u << 20);
  void feed(std::string_view bytes);
  // The same without a copy, as a rule: the reader gives away the memory of what it has read, the
  // next bytes are put there or elsewhere, and it takes them over. One that has not read all yet
  // has nothing to give, and copies.
  std::string give_away();
  void take_over(std::string&& bytes);
  // The next whole event with data, or nothing yet. Comments and events without data are passed
  // over. Fails with upstream_body_too_large once an event, blank line aside, exceeds the limit.
  // A `data:` line that is followed by another whole `data:` line is one event of two lines, as the
  // standard says. Beyond the standard, a block that begins with `{` is an event too, all of it
  // data: Copilot writes some errors that way.
  Result<std::optional<SseEvent>> next();
  // What is left that no blank line ended: upstream may put a bare JSON error there. Call at the
  // end of input, after next() gave nothing.
  std::string_view remainder() const;
  // True once a line that SSE knows (a comment, or one of its fields) has been seen: the peer
  // speaks SSE.
  bool started() const { return started_; }

 private:
  // Finds the end of the line at line_, and moves line_ behind it; false: not all of it is there.
  bool read_line(std::string_view& line);
  std::optional<SseEvent> read_block(std::string_view block);
  bool read_data_line(std::string_view block, SseEvent& event) const;

  std::size_t max_event_;
  std::string buffer_;
  std::size_t begin_ = 0;  // start of the event being read
  std::size_t line_ = 0;   // start of the line being read
  std::size_t scan_ = 0;   // first byte not yet looked at
  std::size_t lines_ = 0;  // of the event being read that are whole
  std::string data_;       // holds joined data when there are several lines
  bool after_cr_ = false;  // the line before ended with a CR, the last byte there was
  bool started_ = false;
  bool bom_checked_ = false;
  bool failed_ = false;
};

// "data: …\n\n"; a data text with line breaks becomes several data lines. `event` is one line.
std::string sse_event(std::string_view data, std::string_view event = {});
// ": …\n\n", which keeps a silent connection alive.
std::string sse_comment(std::string_view text);

}  // namespace jumpseat
