#include "server/net/http_connection.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "server/base/event.h"

namespace jumpseat {

HttpConnection::HttpConnection(asio::io_context& io, ConnectionOwner& owner,
                               std::unique_ptr<Wire> wire)
    : io_(io), owner_(owner), wire_(std::move(wire)), idle_since_(SteadyTimer::clock_type::now()) {}

HttpConnection::~HttpConnection() = default;

void HttpConnection::close() { wire_.reset(); }

void HttpConnection::finish() {
  if (closed()) return;
  close();
  owner_.over(*this);
}

void HttpConnection::read() {
  constexpr int most_reads = 4;  // then it is somebody else's turn
  auto const self = shared_from_this();
  for (int i = 0; i < most_reads; ++i) {
    if (closed()) return;
    std::span<char> const scratch = owner_.scratch();
    std::size_t const most = std::min(scratch.size(), wanted_bytes());
    if (most == 0) return;
    Wire::Moved const got = wire_->read(scratch.data(), most);
    switch (got.outcome) {
      case Wire::Outcome::later:
        return read_later();
      case Wire::Outcome::end:
        return on_end();
      case Wire::Outcome::lost:
        return on_lost(wire_->error());
      case Wire::Outcome::some:
        on_bytes({scratch.data(), got.bytes});
        break;
    }
    if (closed()) return;
    if (got.bytes < most && wire_->short_read_means_empty()) {
      if (wanted_bytes() > 0) read_later();
      return;
    }
  }
  if (reading_) return;
  reading_ = true;
  asio::post(io_, [self] {
    self->reading_ = false;
    self->read();
  });
}

void HttpConnection::read_later() {
  if (reading_) return;
  reading_ = true;
  wire_->when_readable([self = shared_from_this()] {
    self->reading_ = false;
    wake_after([&self] { self->read(); });
  });
}

void HttpConnection::write_later() {
  if (writing_ || closed()) return;
  writing_ = true;
  wire_->when_writable([self = shared_from_this()] {
    self->writing_ = false;
    if (!self->closed()) self->write();
  });
}

HttpConnection::Written HttpConnection::write_some(std::string_view& bytes) {
  while (!bytes.empty()) {
    Wire::Moved const moved = wire_->write(bytes);
    switch (moved.outcome) {
      case Wire::Outcome::some:
        bytes.remove_prefix(moved.bytes);
        break;
      case Wire::Outcome::later:
        write_later();
        return Written::part;
      case Wire::Outcome::end:
      case Wire::Outcome::lost:
        return Written::lost;
    }
  }
  return Written::all;
}

}  // namespace jumpseat
