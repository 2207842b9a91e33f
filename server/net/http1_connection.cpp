#include "server/net/http1_connection.h"

#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace jumpseat {

namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

// More than a head or a chunk's line may have; HttpTransfer counts a head more closely.
constexpr std::uint32_t most_head = 96u << 10;
// A request up to here leaves in one piece, head and body.
constexpr std::size_t one_piece = 16u << 10;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

// Beast's events, passed on to the transfer. What the transfer refuses is kept.
class Http1Connection::Parser final : public http::basic_parser<false> {
 public:
  explicit Parser(HttpTransfer& transfer) : transfer_(transfer) {
    eager(true);
    header_limit(most_head);
    body_limit(boost::none);
    if (transfer.request().method == "HEAD") skip(true);
  }
  std::optional<Error> refusal;

 private:
  void on_request_impl(http::verb, boost::beast::string_view, boost::beast::string_view, int,
                       error_code&) override {}
  void on_response_impl(int status, boost::beast::string_view, int, error_code& error) override {
    refuse(transfer_.on_status(status), error);
  }
  void on_field_impl(http::field, boost::beast::string_view name, boost::beast::string_view value,
                     error_code& error) override {
    refuse(transfer_.on_field(view(name), view(value)), error);
  }
  void on_header_impl(error_code& error) override {
    auto const head = transfer_.on_headers_end();
    if (!head) refuse(head.error(), error);
  }
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(boost::beast::string_view body, error_code&) override {
    transfer_.on_body(view(body));
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view body,
                                 error_code&) override {
    transfer_.on_body(view(body));
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  void refuse(std::optional<Error> why, error_code& error) {
    if (!why) return;
    refusal = std::move(why);
    error = http::error::bad_value;
  }

  HttpTransfer& transfer_;
};

Http1Connection::Http1Connection(asio::io_context& io, ConnectionOwner& owner,
                                 std::unique_ptr<Wire> wire, Proxied proxied)
    : HttpConnection(io, owner, std::move(wire)), proxied_(std::move(proxied)) {}

Http1Connection::~Http1Connection() { wipe(head_); }

void Http1Connection::close() {
  transfer_ = nullptr;
  parser_.reset();
  HttpConnection::close();
}

// --- The request --------------------------------------------------------------

void Http1Connection::start(HttpTransfer& transfer) {
  transfer_ = &transfer;
  parser_ = std::make_unique<Parser>(transfer);
  transfer.begin();
  write_head();
  write();
}

void Http1Connection::write_head() {
  HttpRequest const& request = transfer_->request();
  Url const& url = transfer_->url();
  std::string_view const secret = request.authorization.reveal();
  std::string_view const proxy_secret = proxied_.authorization.reveal();
  std::string_view const body = request.body.view();
  bool const with_body = body.size() <= one_piece;

  std::string const& authority = transfer_->authority();
  std::string_view const headers = request.headers.lines();
  // No second block, which nobody would wipe.
  head_.reserve(256 + url.target.size() + 2 * authority.size() + headers.size() + secret.size() +
                proxy_secret.size() + (with_body ? body.size() : 0));

  head_.append(request.method).append(" ");
  if (proxied_.whole_url) head_.append(url.scheme).append("://").append(authority);
  head_.append(url.target).append(" HTTP/1.1\r\nHost: ").append(authority).append("\r\n");
  auto const line = [this](std::string_view name, std::string_view value) {
    head_.append(name).append(": ").append(value).append("\r\n");
  };
  head_.append(headers);
  if (!request.headers.accepts()) line("Accept", "*/*");
  if (!secret.empty()) line("Authorization", secret);
  if (!proxy_secret.empty()) line("Proxy-Authorization", proxy_secret);
  if (!body.empty() || request.method == "POST") {
    line("Content-Length", std::to_string(body.size()));
  }
  head_.append("\r\n");
  head_sent_ = 0;
  if (with_body) {
    head_.append(body);
    transfer_->sent_body(body.size());
  }
}

void Http1Connection::write() {
  if (transfer_ == nullptr || write_lost_) return;
  if (!head_.empty()) {
    std::string_view rest = std::string_view(head_).substr(head_sent_);
    Written const written = write_some(rest);
    head_sent_ = head_.size() - rest.size();
    if (written == Written::lost) write_lost_ = true;
    if (written != Written::all) return;
    wipe(head_);
    head_.shrink_to_fit();
  }
  std::string_view const unsent = transfer_->unsent_body();
  std::string_view rest = unsent;
  if (write_some(rest) == Written::lost) write_lost_ = true;
  if (rest.size() != unsent.size()) transfer_->sent_body(unsent.size() - rest.size());
}

void Http1Connection::cancel(HttpTransfer&) { finish(); }

// --- The reply ----------------------------------------------------------------

// Between two replies the peer has nothing to say: whatever comes then ends the connection.
std::size_t Http1Connection::wanted_bytes() const {
  return transfer_ == nullptr ? 1 : transfer_->room();
}

void Http1Connection::read_on(HttpTransfer& transfer, std::size_t bytes) {
  if (bytes >= HttpTransfer::most_held && transfer.room() > 0) read();
}

void Http1Connection::on_bytes(std::string_view bytes) {
  if (transfer_ == nullptr) return finish();
  if (transfer_->awaits_head()) transfer_->on_first_byte();
  std::string joined;
  if (!partial_.empty()) {
    joined = std::exchange(partial_, {});
    joined.append(bytes);
    bytes = joined;
  }
  transfer_->expect_body(bytes.size());
  while (!bytes.empty()) {
    error_code error;
    std::size_t const used = parser_->put(asio::buffer(bytes.data(), bytes.size()), error);
    bytes.remove_prefix(used);
    if (parser_->refusal) return give_up(*std::move(parser_->refusal));
    if (error == http::error::need_more) {
      if (bytes.size() > most_head) return broken(http::error::header_limit);
      partial_ = bytes;
      return;
    }
    if (error) return broken(error);
    if (!parser_->is_done()) continue;
    if (transfer_->headers_in()) {
      bool const extra = !bytes.empty();
      complete();
      if (extra) finish();
      return;
    }
    parser_ = std::make_unique<Parser>(*transfer_);  // that was "100 Continue" or the like
  }
}

void Http1Connection::complete() {
  bool const keep = parser_->keep_alive() && head_.empty() && transfer_->unsent_body().empty();
  HttpTransfer& transfer = *std::exchange(transfer_, nullptr);
  parser_.reset();
  used_ = true;
  idle_since_ = SteadyTimer::clock_type::now();
  owner_.ended(transfer, std::nullopt);
  if (!keep) return finish();
  owner_.has_room(*this);
}

void Http1Connection::give_up(Error failure) {
  HttpTransfer& transfer = *std::exchange(transfer_, nullptr);
  owner_.ended(transfer, std::move(failure));
  finish();
}

void Http1Connection::broken(error_code error) {
  HttpFailure const failure = owner_.describe(*transfer_);
  if (error == http::error::header_limit) {
    return give_up(transfer_error(TransferFault::headers_too_large, failure));
  }
  if (transfer_->headers_in()) {
    return give_up(transfer_error(TransferFault::broken_coding, failure));
  }
  bool const no_http = transfer_->status() == 0;
  give_up(transfer_error(no_http ? TransferFault::not_http : TransferFault::broken_head, failure));
}

void Http1Connection::on_end() {
  if (transfer_ == nullptr) return finish();
  if (!transfer_->headers_in()) return lost(TransferFault::no_reply, 0);
  error_code error;
  parser_->put_eof(error);
  if (error || !parser_->is_done()) return lost(TransferFault::ended_early, 0);
  HttpTransfer& transfer = *std::exchange(transfer_, nullptr);
  owner_.ended(transfer, std::nullopt);
  finish();
}

void Http1Connection::on_lost(int error) {
  if (transfer_ == nullptr) return finish();
  lost(TransferFault::connection_lost, error);
}

void Http1Connection::lost(TransferFault fault, int error) {
  HttpFailure failure = owner_.describe(*transfer_);
  failure.os_error = error;
  HttpTransfer& transfer = *std::exchange(transfer_, nullptr);
  // A connection that the peer closes because it was idle looks like this.
  bool const stale = used_ && !transfer.reply_began();
  if (stale) {
    owner_.unprocessed(transfer, ConnectionOwner::Unprocessed::likely,
                       transfer_error(fault, failure));
  } else {
    owner_.ended(transfer, transfer_error(fault, failure));
  }
  finish();
}

}  // namespace jumpseat
