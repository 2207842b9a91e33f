// HTTP for everything that goes to GitHub. libcurl opens connections, HTTP/1.1 and HTTP/2 on them
// are spoken here. One client, its connections shared by all calls: HTTP/2 where TLS offers it,
// reuse, cancel by destroying the stream, back-pressure down to the provider's window.
//
//   HttpRequest request("POST", std::move(url));
//   request.body = …;
//   auto opened = co_await client.open(std::move(request));   // headers are in
//   if (!opened) co_return opened.error();
//   while (true) {
//     auto bytes = co_await opened->next();
//     if (!bytes) co_return bytes.error();
//     if (bytes->empty()) break;                               // the end, and a clean one
//   }
//
// Deliberately absent: redirects (a 3xx is an error, credentials never follow one), cookies, a
// switch that turns certificate checks off, and any look at where a URL may lead: callers judge
// URLs first (protocol/url.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/result.h"
#include "protocol/secret.h"
#include "protocol/url.h"
#include "server/base/asio.h"
#include "server/net/credentials.h"
#include "server/net/request_headers.h"

namespace jumpseat {

struct HttpTimeouts {
  std::chrono::milliseconds lookup{5'000};    // the name look-up alone
  std::chrono::milliseconds connect{10'000};  // name look-up, TCP, proxy, TLS handshake together
  std::chrono::milliseconds first_byte{300'000};  // from the sent request to the first reply byte
  std::chrono::milliseconds headers{30'000};  // from the first reply byte to the end of the headers
  std::chrono::milliseconds idle{300'000};    // between bytes of the body
};

// The bytes of a request. Copies share them: a request that may have to be repeated costs no second
// body.
class HttpBody {
 public:
  HttpBody() = default;
  // Not explicit: a text is a body.
  HttpBody(std::string text)  // NOLINT(google-explicit-constructor)
      : text_(text.empty() ? nullptr : std::make_shared<std::string const>(std::move(text))) {}
  HttpBody(char const* text)  // NOLINT(google-explicit-constructor)
      : HttpBody(std::string(text)) {}
  std::string_view view() const { return text_ ? std::string_view(*text_) : ""; }  // never null
  bool empty() const { return text_ == nullptr; }
  std::size_t size() const { return view().size(); }

 private:
  std::shared_ptr<std::string const> text_;
};

struct HttpRequest {
  HttpRequest(std::string method_name, Url target)
      : method(std::move(method_name)), url(std::move(target)) {}
  std::string method;
  Url url;  // whether it may be asked was judged by the caller
  RequestHeaders headers;
  Authorization authorization;
  HttpBody body;
  HttpTimeouts timeouts;
  std::size_t max_body = 64u << 20;  // bytes of a reply read by send(); open() has no such limit
};

struct HttpHeaders {
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case, in order
  // The first field of that (lower-case) name; empty when absent.
  std::string_view get(std::string_view name) const;
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::string body;
};

class HttpEngine;    // http_engine.h, which includes curl
class HttpTransfer;  // http_transfer.h: one request in flight

// A reply whose headers are in. Destroying it cancels the transfer (HTTP/2: resets the stream).
class ResponseStream {
 public:
  explicit ResponseStream(std::shared_ptr<HttpTransfer> transfer);
  ResponseStream(ResponseStream&&) noexcept;
  ResponseStream& operator=(ResponseStream&&) noexcept;
  ~ResponseStream();
  int status() const;
  HttpHeaders const& headers() const;
  // Likewise, but afterwards headers() is empty: a long stream need not hold what has been read.
  HttpHeaders give_headers_away();
  // Whether the reply has come to its clean end and been read.
  bool at_end() const;
  // The bytes that arrived since the last call, as they came; empty at the clean end. Fails with
  // upstream_interrupted, idle_timeout, …. At most 256 KiB are held; beyond that upstream waits.
  awaitable<Result<std::string>> next();
  // The same in two steps, for readers who have no coroutine to spare: take() never waits, and
  // `bytes` is empty as well when nothing has arrived, which at_end() tells apart; more() waits
  // until that has changed. What `bytes` held is gone; its memory takes what arrives next.
  Result<> take(std::string& bytes);
  awaitable<> more();

 private:
  std::shared_ptr<HttpTransfer> transfer_;
};

// Where proxy and trust come from: process environment and user-level configuration, nothing else.
struct HttpSettings {
  // Extra to the system's trust: a PEM file or a directory of hashed certificates. Empty: the
  // system's.
  std::string ca_file;
  std::string ca_path;
  // Proxy by scheme, as curl spells it (http://user:pw@host:port, socks5h://…); empty: direct.
  Secret https_proxy;
  Secret http_proxy;
  std::string no_proxy;
  std::string
      proxy_origin;  // where the proxy setting came from, for messages: "environment HTTPS_PROXY"
};

class HttpClient {
 public:
  // No work happens here: libcurl is loaded by the first request, TLS trust by the first TLS
  // connection.
  HttpClient(asio::io_context& io, HttpSettings settings);
  ~HttpClient();
  HttpClient(HttpClient const&) = delete;
  HttpClient& operator=(HttpClient const&) = delete;

  // Returns when the reply's headers are in, whatever the status, except: a 3xx other
  // than 304 fails with unexpected_redirect (the target's host is named, never followed), a
  // Content-Encoding other than identity with unexpected_encoding, headers beyond 64 KiB or 256
  // fields with upstream_headers_too_large. Failures of the way there: dns_failed,
  // upstream_unreachable, tls_failed (reason and issuer), proxy_failed (names the proxy's host and
  // where the setting came from), upstream_reset, first_byte_timeout. Error::unsent() tells whether
  // the request had left. Messages name the host, never the headers or the body.
  awaitable<Result<ResponseStream>> open(HttpRequest request);
  // The whole reply. Fails with upstream_body_too_large beyond request.max_body.
  awaitable<Result<HttpResponse>> send(HttpRequest request);

  // Drops idle connections and everything in flight; every waiting call ends with cancelled. Call
  // while the loop still runs; afterwards every request fails with cancelled.
  void close();
  // Connections opened so far, for status and tests.
  std::size_t connections_opened() const;

 private:
  std::unique_ptr<HttpEngine> engine_;
};

}  // namespace jumpseat
