// From bytes to one HTTP/1.1 request (RFC 9112). Boost.Beast reads the grammar; what it lets
// through and a strict server must not (quality row S20) is refused here: bare line feeds, folded
// headers, lengths that are said twice or in two ways, transfer codings other than `chunked`, long
// chunk extensions, trailers that would change the message. No I/O and no clock.
//
//   RequestParser parser(limits);
//   auto head = parser.read_head(bytes);            // again with more bytes until it is whole
//   …
//   auto used = parser.read_chunks(bytes, body);    // only when parser.chunked()
//
// Every refusal is final: after a doubt about where a request ends, the connection must be closed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "server/http/handler.h"

namespace jumpseat {

struct RequestLimits {
  std::size_t head = 32u << 10;           // bytes of the request line and all headers
  std::size_t headers = 100;              // fields
  std::size_t body = 32u << 20;           // bytes
  std::size_t chunk_extension = 256;      // bytes of one
  std::size_t chunk_overhead = 4u << 20;  // bytes of a body that are not its content
};

// The headers that decide something. Each may be said once only, or it is not clear what was said.
enum class Header {
  host,
  content_length,
  transfer_encoding,
  content_type,
  authorization,
  origin,
  sec_fetch_site,
  expect,
};
inline constexpr std::size_t header_kinds = 8;

class RequestParser {
 public:
  explicit RequestParser(RequestLimits const& limits);
  ~RequestParser();
  RequestParser(RequestParser const&) = delete;
  RequestParser& operator=(RequestParser const&) = delete;

  enum class Head { part, whole };
  // `bytes` is everything that has come of this request, from its first byte on. A line break in
  // front of it is passed over (RFC 9112 2.2). Fails with malformed_request, method-independent,
  // or request_headers_too_large or request_too_large.
  Result<Head> read_head(std::string_view bytes);
  // Gets ready for the next request.
  void reset();
  // Nothing has been read since.
  bool untouched() const { return scan_ == 0; }

  // ---- once the head is whole; offsets count from the first byte that read_head() was given ----

  std::size_t head_size() const { return head_size_; }
  HttpMethod method() const { return method_; }
  bool http11() const { return http11_; }
  // Whether the client wants the connection kept (RFC 9112 9.3).
  bool keep_alive() const { return keep_alive_; }
  bool chunked() const { return chunked_; }
  std::size_t content_length() const { return content_length_; }
  // True when a body follows the head.
  bool has_body() const { return chunked_ || content_length_ > 0; }

  // The views below point into `head`, the bytes that read_head() saw last, wherever they are now.
  std::string_view method_name(std::string_view head) const { return method_name_.of(head); }
  // The path and the query of the target, "*" for OPTIONS.
  std::string_view path(std::string_view head) const { return path_.of(head); }
  std::string_view query(std::string_view head) const { return query_.of(head); }
  // The host of a target that is a whole URL; empty for the usual form.
  std::string_view authority(std::string_view head) const { return authority_.of(head); }
  // A header's value, without white space around it; nothing when it is absent.
  std::optional<std::string_view> header(std::string_view head, Header kind) const;
  // The first one of that (lower-case) name.
  std::optional<std::string_view> header(std::string_view head, std::string_view name) const;

  // ---- a chunked body ----

  // Reads what there is, appends content to `body` and says how many bytes are done with. Complete
  // when body_complete(); what follows belongs to the next request. Trailers are dropped.
  Result<std::size_t> read_chunks(std::string_view bytes, std::string& body);
  bool body_complete() const;

 private:
  class Beast;
  struct Span {
    std::uint16_t begin = 0, size = 0;
    std::string_view of(std::string_view head) const { return head.substr(begin, size); }
  };
  struct Field {
    Span name, value;
  };

  Result<Head> judge(std::string_view head);
  Result<void> read_target(std::string_view head, std::string_view target);
  Result<void> read_framing(std::string_view head);

  RequestLimits const& limits_;
  std::unique_ptr<Beast> beast_;
  std::size_t start_ = 0;  // 2 when a line break came first
  std::size_t line_ = 0;   // start of the line being read
  std::size_t scan_ = 0;   // first byte not yet looked at
  std::size_t head_size_ = 0;
  std::size_t content_length_ = 0;
  std::size_t overhead_ = 0;
  HttpMethod method_ = HttpMethod::other;
  bool http11_ = true;
  bool keep_alive_ = false;
  bool chunked_ = false;
  Span method_name_, path_, query_, authority_;
  std::vector<Field> fields_;
  std::array<std::uint8_t, header_kinds> places_{};  // in fields_, counted from 1; 0: absent
};

}  // namespace jumpseat
