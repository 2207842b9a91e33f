#include "server/net/http_transfer.h"

#include <algorithm>
#include <utility>

#include "server/net/http_engine.h"

namespace jumpseat {
namespace {

constexpr std::size_t most_header_bytes = 64u << 10;
constexpr std::size_t most_headers = 256;
constexpr std::size_t field_overhead = 4;  // ": " and a line break

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

Alarm::TimePoint now() { return SteadyTimer::clock_type::now(); }

}  // namespace

HttpTransfer::HttpTransfer(Executor executor, HttpRequest request)
    : request_(std::move(request)), started_(now()), changed_(executor) {}

HttpTransfer::~HttpTransfer() { abandon(); }

std::string const& HttpTransfer::authority() const { return origin_->authority; }

void HttpTransfer::abandon() {
  if (engine_ != nullptr) engine_->cut(*this, std::nullopt);
}

std::optional<Error> HttpTransfer::unfit_request() const {
  if (!request_.headers.well_formed()) {
    return fail(ErrorCode::invalid_request,
                "A request header for " + url().host +
                    " has an odd name or a control character in its value, so the request was not "
                    "sent.")
        .as_unsent();
  }
  if (!request_.authorization.well_formed()) {
    return fail(ErrorCode::invalid_request, "The credential for " + url().host +
                                                " contains a line break or another control "
                                                "character, so the request was not sent.")
        .as_unsent();
  }
  return std::nullopt;
}

void HttpTransfer::set_deadline(TimePoint deadline) {
  deadline_ = deadline;
  engine_->note_deadline(deadline);
}

void HttpTransfer::begin() {
  sending_ = true;
  sent_ = 0;
  reply_began_ = false;
  reply_began_at_ = Alarm::never;
  status_ = 0;
  header_bytes_ = header_count_ = 0;
  headers_.fields.clear();
  first_byte_deadline_ = after(now(), request_.timeouts.first_byte);
  set_deadline(first_byte_deadline_);
}

// On a slow line: as long as the body moves, it is not time to wait for the answer.
void HttpTransfer::sent_body(std::size_t bytes) {
  sent_ += bytes;
  first_byte_deadline_ = after(now(), request_.timeouts.first_byte);
  if (!reply_began_) set_deadline(first_byte_deadline_);
}

void HttpTransfer::on_first_byte() {
  reply_began_ = true;
  reply_began_at_ = now();
  set_deadline(after(reply_began_at_, request_.timeouts.headers));
}

std::optional<Error> HttpTransfer::on_status(int status) {
  status_ = status;
  headers_.fields.clear();
  headers_.fields.reserve(16);
  if (status >= 100) return std::nullopt;
  return fail(ErrorCode::upstream_failed,
              url().host + " sent a reply that is not valid HTTP. Try again.");
}

Error HttpTransfer::too_many_headers() const {
  return fail(ErrorCode::upstream_headers_too_large,
              "The reply from " + url().host +
                  " has more than 64 KiB or 256 fields of headers, so it was not read.");
}

std::optional<Error> HttpTransfer::on_field(std::string_view name, std::string_view value) {
  header_bytes_ += name.size() + value.size() + field_overhead;
  if (++header_count_ > most_headers || header_bytes_ > most_header_bytes) {
    return too_many_headers();
  }
  if (headers_in_) return std::nullopt;  // a trailer
  auto& field = headers_.fields.emplace_back(name, value);
  std::transform(field.first.begin(), field.first.end(), field.first.begin(), lower);
  return std::nullopt;
}

Result<HttpTransfer::Head> HttpTransfer::on_headers_end() {
  if (status_ < 200) {  // "100 Continue", "103 Early Hints": the reply is still to come
    reply_began_at_ = Alarm::never;
    set_deadline(first_byte_deadline_);
    return Head::informational;
  }
  if (auto unfit = unfit_reply()) return *std::move(unfit);
  headers_in_ = true;
  set_deadline(after(now(), request_.timeouts.idle));
  changed_.notify();
  return Head::whole;
}

void HttpTransfer::on_body(std::string_view bytes) {
  buffer_.append(bytes);
  // When the peer has to wait, we wait for our reader: no deadline until it comes.
  set_deadline(room() == 0 ? Alarm::never : after(now(), request_.timeouts.idle));
  changed_.notify();
}

void HttpTransfer::expect_body(std::size_t bytes) {
  if (buffer_.empty()) buffer_.reserve(bytes);
}

void HttpTransfer::release_request() {
  if (engine_ == nullptr) return;
  // Moved out, not assigned to: that would keep the memory.
  static_cast<void>(std::exchange(request_.headers, RequestHeaders()));
  request_.authorization = {};
  headers_.fields.shrink_to_fit();
  // A reply may come before the whole body has left.
  if (!unsent_body().empty()) return;
  request_.body = HttpBody();
  sent_ = 0;
}

void HttpTransfer::take(std::string& bytes) {
  constexpr std::size_t usual_capacity = 4096;
  if (bytes.capacity() > usual_capacity) bytes = std::string();
  bytes.clear();
  bytes.swap(buffer_);
  if (engine_ != nullptr && !bytes.empty()) {
    if (deadline_ == Alarm::never) set_deadline(after(now(), request_.timeouts.idle));
    engine_->read_on(*this, bytes.size());
  }
}

std::optional<Error> HttpTransfer::unfit_reply() const {
  if (status_ == 407) {
    // A proxy on the way did not pass the request on.
    if (auto refused = engine_->refused_by_proxy(*this, status_)) return refused;
  }
  if (status_ >= 300 && status_ < 400 && status_ != 304) {
    std::string_view location = headers_.get("location");
    std::string target = "another page of the same host";
    if (auto const scheme = location.find("//"); scheme != std::string_view::npos) {
      location.remove_prefix(scheme + 2);
      location = location.substr(0, location.find_first_of("/?#\\"));
      if (auto const at = location.rfind('@'); at != std::string_view::npos) {
        location.remove_prefix(at + 1);
      }
      target = std::string(location.substr(0, 253));
    }
    return fail(
        ErrorCode::unexpected_redirect,
        url().host + " answered with a redirect (" + std::to_string(status_) + ") to " + target +
            ". It was not followed, because it would take your credentials along. Check the "
            "address and whether a login page of the network is in the way.");
  }
  std::string_view const encoding = headers_.get("content-encoding");
  if (!encoding.empty() && !same_name(encoding, "identity")) {
    return fail(ErrorCode::unexpected_encoding,
                "The reply from " + url().host + " is compressed (" +
                    std::string(encoding.substr(0, 40)) +
                    "), which was not asked for. Check whether a proxy changes replies.");
  }
  return std::nullopt;
}

}  // namespace jumpseat
