#include "server/net/http2_connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <new>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "server/net/wiped_memory.h"

namespace jumpseat {
namespace {

using std::chrono::seconds;

constexpr std::int32_t stream_window = HttpTransfer::most_held;
constexpr std::int32_t connection_window = 16 << 20;
constexpr std::uint32_t usual_streams = 100;     // until the peer says (RFC 9113, 6.5.2)
constexpr std::size_t most_written = 16u << 10;  // bytes of frames that leave together, or more
constexpr std::size_t largest_frame = 16393;     // of ours, with its head (RFC 9113, 4.2)
// Pings, settings and session tickets come to some kilobytes in an hour, the window updates of the
// greatest upload to 150 kB.
constexpr std::uint64_t most_useless = 1u << 20;
constexpr seconds silence(15);  // then the peer is asked whether it is there
constexpr seconds patience(10);

std::string error_name(std::uint32_t error) {
  return std::string("an HTTP/2 error (") + nghttp2_http2_strerror(error) + ")";
}

// Credentials are in the fields that nghttp2 copies.
nghttp2_mem* wiped_memory() {
  static nghttp2_mem memory = {
      nullptr, [](std::size_t size, void*) { return wiped_malloc(size); },
      [](void* block, void*) { wiped_free(block); },
      [](std::size_t count, std::size_t size, void*) { return wiped_calloc(count, size); },
      [](void* block, std::size_t size, void*) { return wiped_realloc(block, size); }};
  return &memory;
}

}  // namespace

struct Http2Connection::Callbacks {
  static Http2Connection& self(void* user) { return *static_cast<Http2Connection*>(user); }

  static std::string_view text(std::uint8_t const* bytes, std::size_t size) {
    return {reinterpret_cast<char const*>(bytes), size};
  }

  static int header(nghttp2_session*, nghttp2_frame const* frame, std::uint8_t const* name,
                    std::size_t name_size, std::uint8_t const* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    return self(user).on_field(frame->hd.stream_id, text(name, name_size), text(value, value_size));
  }

  static int frame_received(nghttp2_session*, nghttp2_frame const* frame, void* user) {
    auto& connection = self(user);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (int const code = connection.on_headers_end(frame->hd.stream_id); code != 0) return code;
        [[fallthrough]];
      case NGHTTP2_DATA:
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
          connection.on_stream_end(frame->hd.stream_id);
        }
        break;
      case NGHTTP2_GOAWAY:
        connection.leaving_ = true;
        break;
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) connection.pinged_ = false;
        break;
      default:
        break;
    }
    return 0;
  }

  static int data(nghttp2_session*, std::uint8_t, std::int32_t stream, std::uint8_t const* bytes,
                  std::size_t size, void* user) {
    self(user).on_data(stream, text(bytes, size));
    return 0;
  }

  static int stream_closed(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* user) {
    self(user).on_stream_close(stream, error);
    return 0;
  }

  static ssize_t body(nghttp2_session*, std::int32_t stream, std::uint8_t* to, std::size_t room,
                      std::uint32_t* flags, nghttp2_data_source*, void* user) {
    HttpTransfer* const transfer = self(user).transfer(stream);
    if (transfer == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // given up
    std::string_view const rest = transfer->unsent_body();
    std::size_t const count = std::min(room, rest.size());
    std::copy_n(rest.begin(), count, to);
    if (count == rest.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    transfer->sent_body(count);
    return static_cast<ssize_t>(count);
  }
};

Http2Connection::Http2Connection(asio::io_context& io, ConnectionOwner& owner,
                                 std::unique_ptr<Wire> wire)
    : HttpConnection(io, owner, std::move(wire)),
      heard_(SteadyTimer::clock_type::now()),
      path_(io, [this] { check_path(); }) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* options = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) throw std::bad_alloc();
  std::unique_ptr<nghttp2_session_callbacks, void (*)(nghttp2_session_callbacks*)> const
      callbacks_owner(callbacks, &nghttp2_session_callbacks_del);
  if (nghttp2_option_new(&options) != 0) throw std::bad_alloc();
  std::unique_ptr<nghttp2_option, void (*)(nghttp2_option*)> const options_owner(
      options, &nghttp2_option_del);

  nghttp2_session_callbacks_set_on_header_callback(callbacks, &Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &Callbacks::frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &Callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &Callbacks::stream_closed);
  nghttp2_option_set_no_auto_window_update(options, 1);  // a window opens when its reader has read
  nghttp2_option_set_peer_max_concurrent_streams(options, usual_streams);
  // Blanks around a value are wrong (RFC 9113, 8.2.1), but no reason to throw an answer away.
  nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(options, 1);
  if (nghttp2_session_client_new3(&session_, callbacks, this, options, wiped_memory()) != 0) {
    throw std::bad_alloc();
  }
  std::array<nghttp2_settings_entry, 3> const settings = {{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(stream_window)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 64u << 10},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
}

Http2Connection::~Http2Connection() {
  nghttp2_session_del(session_);
  wipe(out_);
}

void Http2Connection::close() {
  streams_.clear();
  numbers_.clear();
  path_.stop();
  HttpConnection::close();
}

bool Http2Connection::has_room() const {
  if (closed() || leaving_) return false;
  std::uint32_t const most =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return streams_.size() < most && nghttp2_session_check_request_allowed(session_) != 0;
}

HttpTransfer* Http2Connection::transfer(std::int32_t stream) const {
  auto const found = streams_.find(stream);
  return found == streams_.end() ? nullptr : found->second;
}

HttpTransfer* Http2Connection::release(std::int32_t stream) {
  auto const found = streams_.find(stream);
  if (found == streams_.end()) return nullptr;
  HttpTransfer* const transfer = found->second;
  streams_.erase(found);
  numbers_.erase(transfer);
  if (streams_.empty()) idle_since_ = SteadyTimer::clock_type::now();
  return transfer;
}

// --- The request --------------------------------------------------------------

void Http2Connection::start(HttpTransfer& transfer) {
  HttpRequest const& request = transfer.request();
  Url const& url = transfer.url();
  std::string_view const secret = request.authorization.reveal();
  std::string_view const body = request.body.view();
  std::array<char, 20> digits{};
  auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), body.size()).ptr;

  constexpr std::size_t usual_fields = 24;
  std::string names;                              // in lower case (RFC 9113, 8.2.1)
  names.reserve(request.headers.lines().size());  // views into it have to stay
  std::vector<nghttp2_nv> fields;
  fields.reserve(usual_fields);
  auto const add = [&fields](std::string_view name, std::string_view value,
                             std::uint8_t flags = NGHTTP2_NV_FLAG_NONE) {
    auto const bytes = [](std::string_view text) {
      return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    fields.push_back({bytes(name), bytes(value), name.size(), value.size(), flags});
  };
  add(":method", request.method);
  add(":scheme", url.scheme);
  add(":authority", transfer.authority());
  add(":path", url.target);
  request.headers.for_each([&](std::string_view name, std::string_view value) {
    std::size_t const begin = names.size();
    for (char c : name) names += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    add(std::string_view(names).substr(begin), value);
  });
  if (!request.headers.accepts()) add("accept", "*/*");
  // Never in the compression's table, where it would outlive the request (RFC 7541, 7.1.3).
  if (!secret.empty()) add("authorization", secret, NGHTTP2_NV_FLAG_NO_INDEX);
  bool const has_body = !body.empty() || request.method == "POST";
  if (has_body) {
    add("content-length",
        std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
  }

  nghttp2_data_provider provider{};
  provider.read_callback = &Callbacks::body;
  std::int32_t const stream = nghttp2_submit_request(
      session_, nullptr, fields.data(), fields.size(), has_body ? &provider : nullptr, nullptr);
  if (stream < 0) {
    leaving_ = true;
    HttpFailure failure = owner_.describe(transfer);
    failure.reason = nghttp2_strerror(stream);
    owner_.unprocessed(transfer, ConnectionOwner::Unprocessed::certain,
                       transfer_error(TransferFault::http2_error, failure));
    return;
  }
  transfer.begin();
  streams_.emplace(stream, &transfer);
  numbers_.emplace(&transfer, stream);
  watch_path();
  write();
}

void Http2Connection::cancel(HttpTransfer& transfer) {
  auto const found = numbers_.find(&transfer);
  if (found == numbers_.end()) return;
  std::int32_t const stream = found->second;
  release(stream);
  owed_ += static_cast<std::uint64_t>(stream_window);
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  write();
  if (has_room()) owner_.has_room(*this);
}

void Http2Connection::write() {
  while (!closed()) {
    if (out_sent_ == out_.size()) {
      wipe(out_);
      out_.reserve(most_written + largest_frame);  // no second block, which nobody would wipe
      out_sent_ = 0;
      std::uint8_t const* frame = nullptr;
      ssize_t size = 0;
      while (out_.size() < most_written &&
             (size = nghttp2_session_mem_send(session_, &frame)) > 0) {
        out_.append(reinterpret_cast<char const*>(frame), static_cast<std::size_t>(size));
      }
      if (size < 0) {
        return end_all(TransferFault::http2_error, 0, nghttp2_strerror(static_cast<int>(size)));
      }
      if (out_.empty()) break;
    }
    std::string_view rest = std::string_view(out_).substr(out_sent_);
    Written const written = write_some(rest);
    out_sent_ = out_.size() - rest.size();
    if (written == Written::lost) return end_all(TransferFault::connection_lost, wire_->error());
    if (written == Written::part) return;
  }
  if (closed()) return;
  // nghttp2 has nothing left to say or hear: an error of the whole connection, or its end.
  if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0) {
    end_all(TransferFault::http2_error, 0);
  }
}

// --- The reply ----------------------------------------------------------------

void Http2Connection::on_bytes(std::string_view bytes) {
  heard_ = SteadyTimer::clock_type::now();
  std::uint64_t const owed = std::min<std::uint64_t>(owed_, bytes.size());
  owed_ -= owed;
  useless_ += bytes.size() - owed;
  std::size_t const before = streams_.size();
  ssize_t const used = nghttp2_session_mem_recv(
      session_, reinterpret_cast<std::uint8_t const*>(bytes.data()), bytes.size());
  if (used < 0) {
    return end_all(TransferFault::http2_error, 0, nghttp2_strerror(static_cast<int>(used)));
  }
  if (useless_ > most_useless) return end_all(TransferFault::flooded, 0);
  write();
  if (closed()) return;
  if (leaving_ && streams_.empty()) return finish();
  if (streams_.size() < before && has_room()) owner_.has_room(*this);
}

int Http2Connection::on_field(std::int32_t stream, std::string_view name, std::string_view value) {
  HttpTransfer* const transfer = this->transfer(stream);
  if (transfer == nullptr) return 0;
  if (transfer->awaits_head()) transfer->on_first_byte();
  std::optional<Error> failure;
  if (name == ":status") {
    int status = 0;
    std::from_chars(value.data(), value.data() + value.size(), status);
    failure = transfer->on_status(status);
  } else {
    constexpr std::string_view blanks = " \t";
    auto const begin = std::min(value.find_first_not_of(blanks), value.size());
    value = value.substr(begin, value.find_last_not_of(blanks) + 1 - begin);
    failure = transfer->on_field(name, value);
  }
  if (!failure) return 0;
  refuse(stream, *std::move(failure));
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Http2Connection::on_headers_end(std::int32_t stream) {
  HttpTransfer* const transfer = this->transfer(stream);
  if (transfer == nullptr || transfer->headers_in()) return 0;  // trailers
  useful();
  auto const head = transfer->on_headers_end();
  if (!head) refuse(stream, head.error());
  return 0;
}

void Http2Connection::on_data(std::int32_t stream, std::string_view bytes) {
  auto const size = bytes.size();
  HttpTransfer* const transfer = this->transfer(stream);
  if (transfer == nullptr) {  // given up meanwhile
    nghttp2_session_consume(session_, stream, size);
    return;
  }
  // The stream's own window bounds what it holds; the connection's must not make the others wait.
  nghttp2_session_consume_connection(session_, size);
  if (size > 0) useful();
  transfer->on_body(bytes);
}

void Http2Connection::read_on(HttpTransfer& transfer, std::size_t bytes) {
  auto const found = numbers_.find(&transfer);
  if (found == numbers_.end()) return;
  nghttp2_session_consume_stream(session_, found->second, bytes);
  if (nghttp2_session_want_write(session_) != 0) write();
}

void Http2Connection::on_stream_end(std::int32_t stream) {
  HttpTransfer* const transfer = release(stream);
  if (transfer == nullptr) return;
  used_ = true;
  // A reply may come before the whole request has left; the rest of it is not wanted then.
  if (nghttp2_session_get_stream_local_close(session_, stream) == 0) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  }
  owner_.ended(*transfer, std::nullopt);
}

void Http2Connection::refuse(std::int32_t stream, Error failure) {
  HttpTransfer* const transfer = release(stream);
  owed_ += static_cast<std::uint64_t>(stream_window);
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  owner_.ended(*transfer, std::move(failure));
}

// Streams that ended well are not known here any more.
void Http2Connection::on_stream_close(std::int32_t stream, std::uint32_t error) {
  HttpTransfer* const transfer = release(stream);
  if (transfer == nullptr) return;
  HttpFailure failure = owner_.describe(*transfer);
  failure.reason = error_name(error);
  Error said = transfer_error(TransferFault::http2_error, failure);
  if (error == NGHTTP2_REFUSED_STREAM && !transfer->headers_in()) {
    // Also how nghttp2 ends the streams that a GOAWAY leaves out.
    return owner_.unprocessed(*transfer, ConnectionOwner::Unprocessed::certain, std::move(said));
  }
  owner_.ended(*transfer, std::move(said));
}

// --- The end of it ------------------------------------------------------------

void Http2Connection::on_end() { end_all(TransferFault::no_reply, 0); }

void Http2Connection::on_lost(int error) { end_all(TransferFault::connection_lost, error); }

void Http2Connection::end_all(TransferFault fault, int error, std::string const& reason) {
  leaving_ = true;
  while (!streams_.empty()) {
    HttpTransfer& transfer = *release(streams_.begin()->first);
    HttpFailure failure = owner_.describe(transfer);
    failure.os_error = error;
    if (!reason.empty()) failure.reason = "an HTTP/2 error (" + reason + ")";
    bool const in_reply = transfer.headers_in();
    Error said = transfer_error(
        fault == TransferFault::no_reply && in_reply ? TransferFault::ended_early : fault, failure);
    // An idle connection that the peer was closing looks like this.
    bool const stale =
        used_ && !transfer.reply_began() &&
        (fault == TransferFault::no_reply || fault == TransferFault::connection_lost);
    if (stale) {
      owner_.unprocessed(transfer, ConnectionOwner::Unprocessed::likely, std::move(said));
    } else {
      owner_.ended(transfer, std::move(said));
    }
  }
  finish();
}

// A path that is gone is noticed by asking the peer, which also reaches beyond a proxy.
void Http2Connection::watch_path() {
  auto const due = std::max(heard_, SteadyTimer::clock_type::now()) + silence;
  if (path_.due() == Alarm::never) path_.set(due);
}

void Http2Connection::check_path() {
  if (closed() || streams_.empty()) return;
  auto const now = SteadyTimer::clock_type::now();
  if (heard_ + silence > now) {
    pinged_ = false;
    return path_.set(heard_ + silence);
  }
  if (pinged_) return end_all(TransferFault::connection_lost, ETIMEDOUT);
  pinged_ = true;
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  path_.set(now + patience);
  write();
}

}  // namespace jumpseat
