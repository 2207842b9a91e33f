// A connection on which requests are made: what HTTP/1.1 and HTTP/2 have in common. It moves bytes
// when the wire is ready and tells its owner what became of the transfers.
//
// Nobody is called back from inside start(), cancel() and read_on() but the owner, and no coroutine
// runs inside any of this: transfers wake their readers through the loop.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "server/net/alarm.h"
#include "server/net/http_errors.h"
#include "server/net/http_transfer.h"
#include "server/net/wire.h"

namespace jumpseat {

// Who keeps the connections. All of these may be called while the connection is still at work; it
// is not to be called back before it has returned.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  // The reply is complete, or the transfer has failed.
  virtual void ended(HttpTransfer& transfer, std::optional<Error> failure) = 0;
  // The connection was over before the peer did anything with the request, for certain or as far
  // as one can tell (an idle connection was used that the peer was closing). `failure` is what to
  // say when it is not tried again.
  enum class Unprocessed { certain, likely };
  virtual void unprocessed(HttpTransfer& transfer, Unprocessed how, Error failure) = 0;
  // It has room for another request.
  virtual void has_room(HttpConnection& connection) = 0;
  // It is closed. It has to live until the call that led here is over.
  virtual void over(HttpConnection& connection) = 0;
  // What is known of a transfer, for the words of its failure.
  virtual HttpFailure describe(HttpTransfer const& transfer) const = 0;
  // Where bytes are read to. Shared by all connections, valid until the next read.
  virtual std::span<char> scratch() = 0;
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  using TimePoint = Alarm::TimePoint;
  HttpConnection(asio::io_context& io, ConnectionOwner& owner, std::unique_ptr<Wire> wire);
  virtual ~HttpConnection();
  HttpConnection(HttpConnection const&) = delete;
  HttpConnection& operator=(HttpConnection const&) = delete;

  // Begins to listen. Call once, when it is in its owner's hands.
  void open() { read(); }
  // Whether it takes a request now.
  virtual bool has_room() const = 0;
  virtual bool idle() const = 0;
  TimePoint idle_since() const { return idle_since_; }
  // Sends the request of `transfer`. Only with room.
  virtual void start(HttpTransfer& transfer) = 0;
  // Lets go of it; the peer hears that nobody waits for the reply.
  virtual void cancel(HttpTransfer& transfer) = 0;
  // The reader of `transfer` has taken `bytes` of its body.
  virtual void read_on(HttpTransfer& transfer, std::size_t bytes) = 0;
  // Ends it without a word to the owner.
  virtual void close();
  bool closed() const { return wire_ == nullptr; }

  // Where its owner keeps it; nobody else's business.
  struct Place {
    HttpOrigin* origin = nullptr;
    std::size_t index = 0;
    bool ready = false;
  };
  Place place;

 protected:
  // How many bytes may come in now, at most.
  virtual std::size_t wanted_bytes() const = 0;
  virtual void on_bytes(std::string_view bytes) = 0;
  // The peer has ended the connection, or it was lost (errno, or 0).
  virtual void on_end() = 0;
  virtual void on_lost(int error) = 0;
  // Writes what there is to be written; after a write that could not go on.
  virtual void write() = 0;

  // Reads what there is, and again when there is more.
  void read();
  void write_later();
  enum class Written { all, part, lost };
  // As much of `bytes` as the wire takes, cut off there. After `part` write() is called when it can
  // go on.
  Written write_some(std::string_view& bytes);
  // Closes it and tells the owner.
  void finish();

  asio::io_context& io_;
  ConnectionOwner& owner_;
  std::unique_ptr<Wire> wire_;  // null once closed
  TimePoint idle_since_;

 private:
  void read_later();
  bool reading_ = false;  // a wait is under way, or the loop will call read()
  bool writing_ = false;
};

}  // namespace jumpseat
