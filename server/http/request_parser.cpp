#include "server/http/request_parser.h"

#include <cstring>
#include <limits>
#include <utility>

#include <boost/beast/http/basic_parser.hpp>

namespace jumpseat {
namespace {

namespace beast = boost::beast;

Error malformed(std::string_view why) {
  return fail(ErrorCode::malformed_request,
              "This is not an HTTP/1.1 request that can be read safely: " + std::string(why) + ".");
}

constexpr bool is_token_char(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// `name` is in lower case.
bool same_name(std::string_view field, std::string_view name) {
  if (field.size() != name.size()) return false;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (lower(field[i]) != name[i]) return false;
  }
  return true;
}

// What is wrong when a header is there twice.
constexpr std::string_view twice_text(Header kind) {
  switch (kind) {
    case Header::host:
      return "two Host headers";
    case Header::content_length:
      return "two Content-Length headers";
    case Header::transfer_encoding:
      return "two Transfer-Encoding headers";
    case Header::content_type:
      return "two Content-Type headers";
    case Header::authorization:
      return "two Authorization headers";
    case Header::origin:
      return "two Origin headers";
    case Header::sec_fetch_site:
      return "two Sec-Fetch-Site headers";
    case Header::expect:
      return "two Expect headers";
  }
  return "a header twice";
}

std::optional<Header> kind_of(beast::http::field field) {
  using Known = beast::http::field;
  if (field == Known::host) return Header::host;
  if (field == Known::content_length) return Header::content_length;
  if (field == Known::transfer_encoding) return Header::transfer_encoding;
  if (field == Known::content_type) return Header::content_type;
  if (field == Known::authorization) return Header::authorization;
  if (field == Known::origin) return Header::origin;
  if (field == Known::sec_fetch_site) return Header::sec_fetch_site;
  if (field == Known::expect) return Header::expect;
  return std::nullopt;
}

HttpMethod method_of(std::string_view name) {
  if (name == "GET") return HttpMethod::get;
  if (name == "POST") return HttpMethod::post;
  if (name == "HEAD") return HttpMethod::head;
  if (name == "OPTIONS") return HttpMethod::options;
  return HttpMethod::other;
}

std::string_view standard(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

// Beast's tokenizer, with our own memory behind it.
class RequestParser::Beast final : public beast::http::basic_parser<true> {
 public:
  Beast(RequestParser& owner, RequestLimits const& limits) : owner_(owner) {
    header_limit(static_cast<std::uint32_t>(limits.head));
    body_limit(limits.body);
  }

  void read_into(std::string& body) { body_ = &body; }
  std::string_view target() const { return target_; }
  // Why one of the functions below ended the reading.
  std::string_view problem() const { return problem_; }
  bool too_many() const { return too_many_; }

  // The bytes that are being read: the head, or a piece of the body.
  std::string_view bytes;

 private:
  using Code = beast::error_code;

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, Code&) override {
    owner_.method_name_ = span(standard(method));
    owner_.method_ = method_of(standard(method));
    owner_.http11_ = version == 11;
    target_ = standard(target);
  }
  void on_response_impl(int, beast::string_view, int, Code&) override {}
  void on_field_impl(beast::http::field known, beast::string_view name, beast::string_view value,
                     Code& code) override {
    if (is_header_done()) {
      // A trailer. Nothing is taken from it.
      if (++trailers_ > max_trailers) refuse("too many trailers", code);
      if (!value.empty() && !inside(standard(value))) refuse(folded, code);
      return;
    }
    if (owner_.fields_.size() == owner_.limits_.headers) {
      too_many_ = true;
      return refuse("too many headers", code);
    }
    auto const text = standard(value);
    Field field;
    field.name = span(standard(name));
    if (!text.empty()) field.value = span(text);
    owner_.fields_.push_back(field);
    if (auto const kind = kind_of(known)) {
      auto& place = owner_.places_[static_cast<std::size_t>(*kind)];
      if (place != 0) {
        return refuse(twice_text(*kind), code);
      }
      place = static_cast<std::uint8_t>(owner_.fields_.size());
    }
  }
  void on_header_impl(Code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, Code&) override {}
  std::size_t on_body_impl(beast::string_view body, Code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view extension, Code& code) override {
    if (extension.size() > owner_.limits_.chunk_extension)
      refuse("a chunk extension that is too long", code);
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, Code&) override {
    body_->append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(Code&) override {}

  static constexpr int max_trailers = 16;
  static constexpr std::string_view folded = "a trailer that goes over two lines";

  void refuse(std::string_view why, Code& code) {
    problem_ = why;
    code = beast::http::error::bad_field;
  }
  // Beast joins the lines of a folded value somewhere else.
  bool inside(std::string_view text) const {
    return text.data() >= bytes.data() && text.data() + text.size() <= bytes.data() + bytes.size();
  }
  // The limit of a head is far below 64 KiB.
  Span span(std::string_view text) const {
    return {static_cast<std::uint16_t>(text.data() - bytes.data()),
            static_cast<std::uint16_t>(text.size())};
  }

  RequestParser& owner_;
  std::string* body_ = nullptr;
  std::string_view target_;
  std::string_view problem_;
  int trailers_ = 0;
  bool too_many_ = false;
};

RequestParser::RequestParser(RequestLimits const& limits) : limits_(limits) {}
RequestParser::~RequestParser() = default;

void RequestParser::reset() {
  beast_.reset();
  start_ = line_ = scan_ = head_size_ = content_length_ = overhead_ = 0;
  chunked_ = keep_alive_ = false;
  method_ = HttpMethod::other;
  http11_ = true;
  query_ = authority_ = Span();
  fields_.clear();
  places_ = {};
}

Result<RequestParser::Head> RequestParser::read_head(std::string_view bytes) {
  if (scan_ == 0 && !bytes.empty()) {
    if (bytes.front() == '\r') {
      if (bytes.size() < 2) return Head::part;
      if (bytes[1] != '\n') return malformed("a carriage return on its own");
      start_ = line_ = scan_ = 2;
    }
    // What does not even begin like a request need not be waited for: TLS, a stray answer.
    if (bytes.size() > start_ && !is_token_char(bytes[start_]))
      return malformed("it does not begin with a method");
  }
  while (true) {
    auto const* found = bytes.size() > scan_
                            ? static_cast<char const*>(
                                  std::memchr(bytes.data() + scan_, '\n', bytes.size() - scan_))
                            : nullptr;
    if (found == nullptr) {
      scan_ = bytes.size();
      if (bytes.size() - start_ > limits_.head) break;
      return Head::part;
    }
    auto const at = static_cast<std::size_t>(found - bytes.data());
    if (at == 0 || bytes[at - 1] != '\r') return malformed("a line feed on its own");
    scan_ = at + 1;
    // Beast would join a folded line to the one before (RFC 9112 5.2 lets a server refuse it).
    if (bytes[line_] == ' ' || bytes[line_] == '\t')
      return malformed("a header that goes over two lines");
    bool const empty_line = at - 1 == line_;
    line_ = scan_;
    if (scan_ - start_ > limits_.head) break;
    if (empty_line) {
      head_size_ = scan_;
      return judge(bytes.substr(0, head_size_));
    }
  }
  return fail(ErrorCode::request_headers_too_large,
              "The request line and the headers are larger than " +
                  std::to_string(limits_.head >> 10) + " KiB.");
}

Result<RequestParser::Head> RequestParser::judge(std::string_view head) {
  beast_ = std::make_unique<Beast>(*this, limits_);
  beast_->bytes = head;
  beast::error_code code;
  auto const used = beast_->put({head.data() + start_, head.size() - start_}, code);
  if (beast_->too_many()) {
    return fail(ErrorCode::request_headers_too_large,
                "The request has more than " + std::to_string(limits_.headers) + " headers.");
  }
  if (!beast_->problem().empty()) return malformed(beast_->problem());
  if (code == beast::http::error::body_limit) {
    return fail(ErrorCode::request_too_large,
                "The body is larger than " + std::to_string(limits_.body >> 20) + " MiB.");
  }
  if (code) return malformed(code.message());
  if (used != head.size() - start_ || !beast_->is_header_done())
    return malformed("the head does not end where it should");

  if (auto read = read_target(head, beast_->target()); !read) return read.error();
  if (auto read = read_framing(head); !read) return read.error();
  keep_alive_ = beast_->keep_alive();
  if (!chunked_) beast_.reset();  // a long answer need not hold it
  return Head::whole;
}

Result<void> RequestParser::read_target(std::string_view head, std::string_view target) {
  auto const place = [&](std::string_view text) {
    return Span{static_cast<std::uint16_t>(text.data() - head.data()),
                static_cast<std::uint16_t>(text.size())};
  };
  for (char c : target) {
    if (c <= ' ' || c > '~' || c == '#') return malformed("a target with characters of no URL");
  }
  if (target == "*") {
    if (method_ != HttpMethod::options) return malformed("\"*\" is a target for OPTIONS alone");
    path_ = place(target);
    return Result<void>();
  }
  if (target.front() != '/') {
    // A whole URL, as for a proxy (RFC 9112 3.2.2).
    constexpr std::string_view scheme = "http://";
    if (!same_name(target.substr(0, scheme.size()), scheme))
      return malformed("a target that is neither a path nor an http URL");
    auto const rest = target.substr(scheme.size());
    auto const slash = std::min(rest.find('/'), rest.size());
    if (slash == 0 || rest.substr(0, slash).find_first_of("@?") != std::string_view::npos)
      return malformed("a target without a plain host");
    authority_ = place(rest.substr(0, slash));
    target = rest.substr(slash);
    if (target.empty()) return malformed("a target without a path");
  }
  auto const question = std::min(target.find('?'), target.size());
  path_ = place(target.substr(0, question));
  if (question < target.size()) query_ = place(target.substr(question + 1));
  return Result<void>();
}

Result<void> RequestParser::read_framing(std::string_view head) {
  auto const host = header(head, Header::host);
  if (!host && http11_) return malformed("no Host header");
  if (!authority_.of(head).empty() && (!host || authority_.of(head) != *host))
    return malformed("a target for another host than the Host header names");

  auto const coding = header(head, Header::transfer_encoding);
  auto const length = header(head, Header::content_length);
  if (coding) {
    if (length) return malformed("both Transfer-Encoding and Content-Length");
    if (!http11_) return malformed("a Transfer-Encoding in HTTP/1.0");
    if (!same_name(*coding, "chunked")) return malformed("a Transfer-Encoding other than chunked");
    chunked_ = true;
  } else if (length) {
    if (length->empty() || length->size() > 19) return malformed("a Content-Length that is none");
    for (char c : *length) {
      if (c < '0' || c > '9') return malformed("a Content-Length that is none");
      content_length_ = content_length_ * 10 + static_cast<std::size_t>(c - '0');
    }
  }
  return Result<void>();
}

std::optional<std::string_view> RequestParser::header(std::string_view head, Header kind) const {
  auto const place = places_[static_cast<std::size_t>(kind)];
  if (place == 0) return std::nullopt;
  return fields_[place - 1u].value.of(head);
}

std::optional<std::string_view> RequestParser::header(std::string_view head,
                                                      std::string_view name) const {
  for (auto const& field : fields_) {
    if (same_name(field.name.of(head), name)) return field.value.of(head);
  }
  return std::nullopt;
}

Result<std::size_t> RequestParser::read_chunks(std::string_view bytes, std::string& body) {
  beast_->read_into(body);
  beast_->eager(true);
  std::size_t used = 0;
  auto const before = body.size();
  while (used < bytes.size() && !beast_->is_done()) {
    beast::error_code code;
    beast_->bytes = bytes.substr(used);
    auto const step = beast_->put({beast_->bytes.data(), beast_->bytes.size()}, code);
    used += step;
    if (code == beast::http::error::need_more) break;
    if (code == beast::http::error::body_limit) {
      return fail(ErrorCode::request_too_large,
                  "The body is larger than " + std::to_string(limits_.body >> 20) + " MiB.");
    }
    if (!beast_->problem().empty()) return malformed(beast_->problem());
    if (code) return malformed(code.message());
  }
  overhead_ += used - (body.size() - before);
  if (overhead_ > limits_.chunk_overhead) return malformed("more chunk headers than content");
  return used;
}

bool RequestParser::body_complete() const { return beast_ != nullptr && beast_->is_done(); }

}  // namespace jumpseat
