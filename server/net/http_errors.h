// From a request that failed to words for a person: the one place that maps curl's codes, and what
// our own HTTP finds wrong. What a failure means depends on how far the request had come, so that
// is part of the question.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "server/net/curl_library.h"

namespace jumpseat {

// What is known about a request when it fails. Texts are safe to show.
struct HttpFailure {
  HttpFailure(std::string host_name, std::string proxy_name, std::string origin)
      : host(std::move(host_name)), proxy(std::move(proxy_name)), proxy_origin(std::move(origin)) {}
  std::string host;          // whom we wanted to reach
  std::string proxy;         // "host:port"; empty when direct
  std::string proxy_origin;  // where that setting came from
  bool https = true;
  bool sent = false;        // the request had begun to leave
  bool headers_in = false;  // the reply's headers were complete
  bool name_found = false;  // the address is known (of the proxy, if there is one)
  bool tcp_connected = false;
  std::string reason;       // curl's own words for TLS, or the HTTP/2 error; may be empty
  std::string issuer;       // of the certificate seen last; may be empty
  std::string authorities;  // the configured file or directory of authorities; may be empty
  int os_error = 0;         // errno of the last connect or transfer that failed
  long proxy_status = 0;    // what the proxy answered to CONNECT
};

// No connection could be opened.
Error connect_error(CURLcode code, HttpFailure const& failure);

// What can go wrong on a connection that stands.
enum class TransferFault {
  no_reply,           // it was closed before a reply
  ended_early,        // it was closed before the end of the reply
  connection_lost,    // see os_error
  http2_error,        // of the stream or of the whole connection; see reason
  broken_coding,      // the body's chunks are not as they should be
  not_http,           // what came is no HTTP at all
  broken_head,        // it began like HTTP
  headers_too_large,  // beyond what is read at all
  flooded,            // the peer kept sending what is no part of an answer
  refused_by_proxy,   // see proxy_status
};
Error transfer_error(TransferFault fault, HttpFailure const& failure);

// The connection was not ready in time.
Error connect_timeout(HttpFailure const& failure, std::chrono::milliseconds limit);

// "10 s", "1.5 s", "250 ms".
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace jumpseat
