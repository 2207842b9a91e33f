// HTTP/1.1 (RFC 9112) on one connection: one request at a time. Boost.Beast reads the grammar of
// the replies.
#pragma once

#include <memory>
#include <string>

#include "server/net/http_connection.h"

namespace jumpseat {

class Http1Connection final : public HttpConnection {
 public:
  // What goes into the request line and head for a proxy that is asked for each page, instead of
  // for a tunnel (RFC 9112, 3.2.2).
  struct Proxied {
    bool whole_url = false;
    Secret authorization;  // empty: none
  };
  Http1Connection(asio::io_context& io, ConnectionOwner& owner, std::unique_ptr<Wire> wire,
                  Proxied proxied);
  ~Http1Connection() override;

  bool has_room() const override { return !closed() && transfer_ == nullptr; }
  bool idle() const override { return transfer_ == nullptr; }
  void start(HttpTransfer& transfer) override;
  void cancel(HttpTransfer& transfer) override;
  void read_on(HttpTransfer& transfer, std::size_t bytes) override;
  void close() override;

 private:
  class Parser;
  std::size_t wanted_bytes() const override;
  void on_bytes(std::string_view bytes) override;
  void on_end() override;
  void on_lost(int error) override;
  void write() override;

  void write_head();
  void complete();
  // The transfer fails and the connection is over.
  void give_up(Error failure);
  void broken(boost::system::error_code error);
  // The connection is over before the reply was complete.
  void lost(TransferFault fault, int error);

  Proxied proxied_;
  HttpTransfer* transfer_ = nullptr;
  std::unique_ptr<Parser> parser_;
  std::string head_;  // of the request, as it leaves; holds the authorization
  std::size_t head_sent_ = 0;
  bool write_lost_ = false;  // nothing more can leave; a reply may still be there
  bool used_ = false;        // a reply has come on it before
  std::string partial_;      // bytes that make no whole line yet
};

}  // namespace jumpseat
