#include "server/net/http_client.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "server/net/http_engine.h"

namespace jumpseat {

std::string_view HttpHeaders::get(std::string_view name) const {
  for (auto const& field : fields) {
    if (field.first == name) return field.second;
  }
  return {};
}

// --- ResponseStream -----------------------------------------------------------

ResponseStream::ResponseStream(std::shared_ptr<HttpTransfer> transfer)
    : transfer_(std::move(transfer)) {}
ResponseStream::ResponseStream(ResponseStream&&) noexcept = default;

ResponseStream& ResponseStream::operator=(ResponseStream&& other) noexcept {
  if (transfer_ && transfer_ != other.transfer_) transfer_->abandon();
  transfer_ = std::move(other.transfer_);
  return *this;
}

ResponseStream::~ResponseStream() {
  if (transfer_) transfer_->abandon();
}

int ResponseStream::status() const { return transfer_->status(); }

HttpHeaders const& ResponseStream::headers() const { return transfer_->headers(); }

HttpHeaders ResponseStream::give_headers_away() { return transfer_->give_headers_away(); }

bool ResponseStream::at_end() const {
  return transfer_->finished() && !transfer_->failure() && !transfer_->holds_bytes();
}

Result<> ResponseStream::take(std::string& bytes) {
  transfer_->take(bytes);
  if (bytes.empty() && transfer_->finished() && transfer_->failure()) return *transfer_->failure();
  return {};
}

awaitable<> ResponseStream::more() { return transfer_->changed().wait(); }

awaitable<Result<std::string>> ResponseStream::next() {
  auto const transfer = transfer_;  // stays, should the stream be dropped meanwhile
  std::string bytes;
  while (true) {
    auto const taken = take(bytes);
    if (!taken) co_return taken.error();
    if (!bytes.empty() || transfer->finished()) co_return bytes;
    co_await transfer->changed().wait();
  }
}

// --- HttpClient ---------------------------------------------------------------

namespace {

awaitable<Result<ResponseStream>> not_started(Error why) { co_return why; }

awaitable<Result<ResponseStream>> headers_of(std::shared_ptr<HttpTransfer> transfer) {
  ResponseStream stream(transfer);  // from here on, leaving means cancelling
  while (!transfer->headers_in() && !transfer->finished()) co_await transfer->changed().wait();
  if (!transfer->headers_in()) co_return *transfer->failure();
  transfer->release_request();
  co_return stream;
}

}  // namespace

HttpClient::HttpClient(asio::io_context& io, HttpSettings settings)
    : engine_(std::make_unique<HttpEngine>(io, std::move(settings))) {}

HttpClient::~HttpClient() = default;

// No coroutine itself: what waits for the reply need not keep a place for the request.
awaitable<Result<ResponseStream>> HttpClient::open(HttpRequest request) {
  auto started = engine_->start(std::move(request));
  return started ? headers_of(*std::move(started)) : not_started(started.error());
}

awaitable<Result<HttpResponse>> HttpClient::send(HttpRequest request) {
  std::size_t const limit = request.max_body;
  auto opened = co_await open(std::move(request));
  if (!opened) co_return opened.error();
  HttpResponse response;
  response.status = opened->status();
  response.headers = opened->headers();
  while (true) {
    auto bytes = co_await opened->next();
    if (!bytes) co_return bytes.error();
    if (bytes->empty()) break;
    if (response.body.size() + bytes->size() > limit) {
      co_return fail(ErrorCode::upstream_body_too_large,
                     "The reply is longer than " + std::to_string(limit) +
                         " bytes, so it was not read to its end.");
    }
    if (response.body.empty()) {
      response.body = *std::move(bytes);
    } else {
      response.body += *bytes;
    }
  }
  co_return response;
}

void HttpClient::close() { engine_->close(); }

std::size_t HttpClient::connections_opened() const { return engine_->connections_opened(); }

}  // namespace jumpseat
