// Content-Length frames, the base protocol of LSP (LSP 3.17, "Base Protocol").
// FrameReader is fed bytes as they come and yields whole messages; it does no I/O and knows no
// JSON.
//
//   auto space = reader.prepare();            // read(fd, space.data(), space.size())
//   reader.commit(n);
//   while (true) switch on reader.next() ...
//
// Tolerated, because editors do it: lines that end in LF alone, header names in any case, unknown
// header fields (Content-Type among them), blank lines before a header. Everything else that is not
// a header breaks the stream: looking for the next frame would be guessing.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace jumpseat {

struct FrameLimits {
  std::size_t max_body = 32u << 20;   // bytes; a longer message is skipped, the session lives
  std::size_t max_header = 8u << 10;  // bytes of one header block; more breaks the stream
};

class FrameReader {
 public:
  struct Incomplete {};
  struct Body {
    std::string_view text;  // valid until the next prepare(), feed() or take()
  };
  struct Oversized {
    std::size_t length;  // bytes that will be skipped; said once, when the header has been read
  };
  struct Broken {
    std::string why;  // no way to find the next frame: close; said again by each next()
  };
  using Event = std::variant<Incomplete, Body, Oversized, Broken>;

  explicit FrameReader(FrameLimits limits = FrameLimits());

  // Room for the next bytes: at least 16 KiB, or all that is left of a longer body.
  std::span<char> prepare();
  // `count` bytes of the last prepare() were filled.
  void commit(std::size_t count);
  // prepare + copy + commit, for bytes that are already somewhere.
  void feed(std::string_view bytes);
  // What the bytes so far hold. Call until Incomplete (or Broken).
  Event next();
  // `part` of the body that was handed out last, as a text of its own. That of a long message is
  // moved, not copied, and has room for a few bytes more.
  std::string take(std::string_view part);
  // True between frames: end of input here is a clean end.
  bool at_boundary() const;
  // Bytes allocated now: at most 64 KiB beside the message at hand, once prepare() was called.
  std::size_t capacity() const { return capacity_ + long_body_.size(); }

 private:
  std::size_t held() const { return end_ - begin_; }
  void gather(std::size_t length);
  void reallocate(std::size_t capacity);
  void drop(std::size_t count);
  Event read_header();
  bool read_field(std::string_view line);
  Broken broken(std::string_view why);

  FrameLimits limits_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;              // first byte not yet consumed
  std::size_t end_ = 0;                // end of the bytes that are there
  std::size_t scanned_ = 0;            // of the held bytes, those known to hold no end of line
  std::size_t header_ = 0;             // bytes of the current header block consumed so far
  std::optional<std::size_t> length_;  // its Content-Length
  std::optional<std::size_t> body_;    // length of the body being read
  // A long body that did not come whole: all of its length, of which so much is there.
  std::string long_body_;
  std::size_t gathered_ = 0;
  bool handed_out_ = false;
  std::size_t skip_ = 0;  // bytes of an oversized body still to drop
  std::string_view why_;  // not empty: broken
};

// "Content-Length: N\r\n\r\n" for a body of `length` bytes.
std::string frame_header(std::size_t length);

}  // namespace jumpseat
