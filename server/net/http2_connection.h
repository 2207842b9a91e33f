// HTTP/2 (RFC 9113) on one connection: many requests at a time. nghttp2 knows frames and HPACK;
// flow control, limits and the end of it are ours.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "server/net/http_connection.h"

struct nghttp2_session;

namespace jumpseat {

class Http2Connection final : public HttpConnection {
 public:
  Http2Connection(asio::io_context& io, ConnectionOwner& owner, std::unique_ptr<Wire> wire);
  ~Http2Connection() override;

  bool has_room() const override;
  bool idle() const override { return streams_.empty(); }
  void start(HttpTransfer& transfer) override;
  void cancel(HttpTransfer& transfer) override;
  void read_on(HttpTransfer& transfer, std::size_t bytes) override;
  void close() override;

 private:
  // The streams' own windows say how much comes.
  std::size_t wanted_bytes() const override { return SIZE_MAX; }
  void on_bytes(std::string_view bytes) override;
  void on_end() override;
  void on_lost(int error) override;
  void write() override;

  // nghttp2's callbacks. They only note things down and tell the owner; frames are sent afterwards.
  struct Callbacks;
  HttpTransfer* transfer(std::int32_t stream) const;
  int on_field(std::int32_t stream, std::string_view name, std::string_view value);
  int on_headers_end(std::int32_t stream);
  void on_data(std::int32_t stream, std::string_view bytes);
  void on_stream_end(std::int32_t stream);
  void on_stream_close(std::int32_t stream, std::uint32_t error);

  // Takes the transfer off its stream.
  HttpTransfer* release(std::int32_t stream);
  // Its reply will not be read: the stream is reset, the transfer fails.
  void refuse(std::int32_t stream, Error failure);
  void useful() { useless_ = 0; }
  // Every transfer fails, or goes to another connection, and this one is over.
  void end_all(TransferFault fault, int error, std::string const& reason = "");
  void watch_path();
  void check_path();

  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, HttpTransfer*> streams_;
  std::unordered_map<HttpTransfer const*, std::int32_t> numbers_;
  std::string out_;  // frames on their way out; may hold an authorization
  std::size_t out_sent_ = 0;
  bool leaving_ = false;       // the peer takes no new streams, or may take none from us
  bool used_ = false;          // a reply has come on it before
  std::uint64_t useless_ = 0;  // bytes since the last one that belonged to a reply
  std::uint64_t owed_ = 0;     // bytes of given-up streams that may still be on their way
  TimePoint heard_;            // when the last byte came
  bool pinged_ = false;        // a PING is not answered yet
  Alarm path_;
};

}  // namespace jumpseat
