// Opens connections, which is libcurl's part of HTTP here: it looks names up, tries the addresses
// of both kinds (Happy Eyeballs, RFC 8305), goes through proxies, does TLS and judges certificates.
// What is said on a connection is not its business (http1_connection.h, http2_connection.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/url.h"
#include "server/base/asio.h"
#include "server/net/alarm.h"
#include "server/net/curl_library.h"
#include "server/net/curl_loop.h"
#include "server/net/http_client.h"
#include "server/net/http_errors.h"
#include "server/net/openssl.h"
#include "server/net/tls_trust.h"
#include "server/net/wire.h"

namespace jumpseat {

// How one gets to a URL: the proxy setting that applies to it.
enum class Route { direct, http_proxy, https_proxy };

class Connector {
 public:
  class Attempt;
  Connector(asio::io_context& io, HttpSettings const& settings);
  ~Connector();
  Connector(Connector const&) = delete;
  Connector& operator=(Connector const&) = delete;

  // Loads libcurl, once. Fails with internal when it cannot be loaded.
  Result<> load();
  // Nothing can be opened any more. The attempts and the wires must be gone.
  void unload();
  Route route(Url const& url) const;
  // "host:port" of the proxy on that way; empty for none.
  std::string const& proxy(Route route) const;
  // The setting itself, credentials included.
  Secret const& proxy_setting(Route route) const;
  // An attempt to open a connection to the host of `url`; Attempt::start() begins it.
  std::unique_ptr<Attempt> attempt(Url const& url, std::chrono::milliseconds limit);
  // A failure with what is known without an attempt.
  HttpFailure failure(Url const& url) const;

 private:
  friend class Attempt;
  std::unique_ptr<EasyHandle> lend();
  void configure(EasyHandle& handle);
  void ended(CURL* easy, CURLcode code);
  static int on_lookup(void*, void*, void* attempt) noexcept;
  static CURLcode on_tls_context(CURL*, void* context, void* attempt) noexcept;

  asio::io_context& io_;
  HttpSettings const& settings_;
  std::string http_proxy_;
  std::string https_proxy_;
  CurlLibrary const* curl_ = nullptr;
  OpenSsl const* openssl_ = nullptr;
  std::optional<TlsTrust> trust_;
  std::optional<IssuerNote> issuers_;
  std::unique_ptr<CurlLoop> loop_;
  std::vector<std::unique_ptr<EasyHandle>> idle_handles_;  // configured, ready for the next attempt
};

// One connection being opened. Destroying it gives up.
class Connector::Attempt {
 public:
  using TimePoint = Alarm::TimePoint;
  // `wire` is null when it failed, and code says how. The attempt may be destroyed in it.
  using Done = std::function<void(Attempt& attempt, std::unique_ptr<Wire> wire, CURLcode code)>;
  using LookupStarts = std::function<void()>;

  Attempt(Connector& connector, Url url, std::chrono::milliseconds limit);
  ~Attempt();
  Attempt(Attempt const&) = delete;
  Attempt& operator=(Attempt const&) = delete;

  // May call `done` before it returns.
  void start(Done done, LookupStarts lookup_starts);
  // When a name look-up began; never when none has. It has not ended unless name_found().
  TimePoint lookup_began() const { return lookup_began_; }
  bool name_found() const;
  // TCP connections opened so far.
  long opened() const;
  // Whether TLS has chosen HTTP/2; of an attempt that went well.
  bool http2() const { return http2_; }
  // All that is known of it, for a message.
  HttpFailure failure() const;

 private:
  friend class Connector;
  void ended(CURLcode code);
  void attach(void* tls_context);
  std::unique_ptr<Wire> tls_wire(CurlLoop::Descriptor socket);
  bool secure_proxy() const;

  Connector& connector_;
  Url url_;
  Route route_;
  std::unique_ptr<EasyHandle> handle_;  // null once it is part of a wire
  Done done_;
  LookupStarts lookup_starts_;
  TimePoint lookup_began_ = Alarm::never;
  int tls_layers_ = 0;  // handshakes begun: to a proxy, to the host
  bool running_ = false;
  bool http2_ = false;
};

}  // namespace jumpseat
