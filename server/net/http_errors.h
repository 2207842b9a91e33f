// From a transfer that failed to words for a person: the one place that maps curl's codes. What a
// code means depends on how far the transfer had come, so that is part of the question.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "server/net/curl_library.h"

namespace jumpseat {

// What is known about a transfer when it fails. Texts are safe to show.
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
  std::string reason;       // curl's own words, for TLS and HTTP/2 only; may be empty
  std::string issuer;       // of the certificate seen last; may be empty
  std::string authorities;  // the configured file or directory of authorities; may be empty
  int os_error = 0;         // errno of the last connect or transfer that failed
  long proxy_status = 0;    // what the proxy answered to CONNECT
};

Error http_error(CURLcode code, HttpFailure const& failure);
// The peer kept sending what is no part of an answer.
Error flooded(HttpFailure const& failure);
// The connection was not ready in time.
Error connect_timeout(HttpFailure const& failure, std::chrono::milliseconds limit);

// "10 s", "1.5 s", "250 ms".
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace jumpseat
