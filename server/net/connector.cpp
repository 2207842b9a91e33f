#include "server/net/connector.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "server/net/proxy.h"

namespace jumpseat {
namespace {

constexpr std::size_t most_idle_handles = 4;

}  // namespace

// --- Connector ----------------------------------------------------------------

Connector::Connector(asio::io_context& io, HttpSettings const& settings)
    : io_(io),
      settings_(settings),
      http_proxy_(proxy_address(settings.http_proxy.reveal())),
      https_proxy_(proxy_address(settings.https_proxy.reveal())) {}

Connector::~Connector() { unload(); }

void Connector::unload() {
  idle_handles_.clear();
  loop_.reset();
}

Result<> Connector::load() {
  if (loop_) return {};
  auto curl = CurlLibrary::load();
  if (!curl) return curl.error();
  curl_ = *curl;
  openssl_ = OpenSsl::find(*curl_);
  issuers_.emplace(*curl_);
  loop_ = std::make_unique<CurlLoop>(io_, *curl_,
                                     [this](CURL* easy, CURLcode code) { ended(easy, code); });
  return {};
}

Route Connector::route(Url const& url) const {
  bool const https = url.scheme == "https";
  if ((https ? settings_.https_proxy : settings_.http_proxy).empty()) return Route::direct;
  if (bypasses_proxy(settings_.no_proxy, url)) return Route::direct;
  return https ? Route::https_proxy : Route::http_proxy;
}

std::string const& Connector::proxy(Route route) const {
  static std::string const none;
  switch (route) {
    case Route::direct:
      break;
    case Route::http_proxy:
      return http_proxy_;
    case Route::https_proxy:
      return https_proxy_;
  }
  return none;
}

Secret const& Connector::proxy_setting(Route route) const {
  static Secret const none;
  switch (route) {
    case Route::direct:
      break;
    case Route::http_proxy:
      return settings_.http_proxy;
    case Route::https_proxy:
      return settings_.https_proxy;
  }
  return none;
}

HttpFailure Connector::failure(Url const& url) const {
  HttpFailure failure(url.host, proxy(route(url)), settings_.proxy_origin);
  failure.https = url.scheme == "https";
  failure.name_found = true;
  return failure;
}

std::unique_ptr<Connector::Attempt> Connector::attempt(Url const& url,
                                                       std::chrono::milliseconds limit) {
  return std::make_unique<Attempt>(*this, url, limit);
}

std::unique_ptr<EasyHandle> Connector::lend() {
  if (!idle_handles_.empty()) {
    auto handle = std::move(idle_handles_.back());
    idle_handles_.pop_back();
    return handle;
  }
  auto handle = std::make_unique<EasyHandle>(*curl_);
  configure(*handle);
  return handle;
}

// What is the same for all connections.
void Connector::configure(EasyHandle& handle) {
  handle.set(CURLOPT_CONNECT_ONLY, 1L);
  handle.set_function(CURLOPT_RESOLVER_START_FUNCTION, &Connector::on_lookup);
  handle.set_function(CURLOPT_SOCKOPTFUNCTION, &CurlLoop::on_connection);
  handle.set_pointer(CURLOPT_SOCKOPTDATA, loop_.get());

  handle.set(CURLOPT_PROTOCOLS_STR, "http,https");
  handle.set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  handle.set(CURLOPT_NOSIGNAL, 1L);
  // Without this, giving up while a name is being looked up would wait for the look-up.
  handle.set(CURLOPT_QUICK_EXIT, 1L);
  handle.set(CURLOPT_TCP_NODELAY, 1L);
  // For bodies, which curl never sees here. The smallest it takes; 16 kB for each handle otherwise.
  handle.set(CURLOPT_BUFFERSIZE, 1024L);
  // curl's own reading of the environment is switched off: what applies comes with HttpSettings.
  handle.set(CURLOPT_PROXY, "");
  handle.set(CURLOPT_NOPROXY, "");
  handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

  // curl would take an HTTP/2 connection over for itself: the offer is made past it, see attach().
  handle.set(CURLOPT_SSL_ENABLE_ALPN, 0L);
  handle.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  handle.set(CURLOPT_SSL_VERIFYPEER, 1L);
  handle.set(CURLOPT_SSL_VERIFYHOST, 2L);
  handle.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  handle.set(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
  handle.set(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
  handle.set(CURLOPT_PROXY_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  handle.set_function(CURLOPT_SSL_CTX_FUNCTION, &Connector::on_tls_context);
}

void Connector::ended(CURL* easy, CURLcode code) {
  char* data = nullptr;
  curl_->easy_getinfo(easy, CURLINFO_PRIVATE, &data);
  static_cast<Attempt*>(static_cast<void*>(data))->ended(code);
}

int Connector::on_lookup(void*, void*, void* attempt) noexcept {
  auto& self = *static_cast<Attempt*>(attempt);
  self.lookup_began_ = SteadyTimer::clock_type::now();
  self.lookup_starts_();
  return 0;
}

CURLcode Connector::on_tls_context(CURL*, void* context, void* attempt) noexcept {
  static_cast<Attempt*>(attempt)->attach(context);
  return CURLE_OK;
}

// --- Attempt ------------------------------------------------------------------

Connector::Attempt::Attempt(Connector& connector, Url url, std::chrono::milliseconds limit)
    : connector_(connector),
      url_(std::move(url)),
      route_(connector.route(url_)),
      handle_(connector.lend()) {
  EasyHandle& handle = *handle_;
  handle.reason[0] = '\0';
  handle.set_pointer(CURLOPT_PRIVATE, this);
  handle.set_pointer(CURLOPT_RESOLVER_START_DATA, this);
  handle.set_pointer(CURLOPT_SSL_CTX_DATA, this);
  handle.set(CURLOPT_URL, url_.origin().c_str());
  if (url_.scheme == "https" || secure_proxy()) {
    auto& trust = connector.trust_;
    if (!trust) {
      trust = tls_trust(connector.settings_.ca_file, connector.settings_.ca_path, *connector.curl_);
    }
    char const* const file = trust->file.empty() ? nullptr : trust->file.c_str();
    char const* const directory = trust->directory.empty() ? nullptr : trust->directory.c_str();
    handle.set(CURLOPT_CAINFO, file);
    handle.set(CURLOPT_CAPATH, directory);
    handle.set(CURLOPT_PROXY_CAINFO, file);
    handle.set(CURLOPT_PROXY_CAPATH, directory);
  }
  std::string proxy(connector.proxy_setting(route_).reveal());
  handle.set(CURLOPT_PROXY, proxy.c_str());
  wipe(proxy);
  // Ours is the limit that ends a request; curl divides its own among the addresses of a host.
  handle.set(CURLOPT_CONNECTTIMEOUT_MS,
             static_cast<long>(std::clamp<long long>(limit.count(), 1, 86'400'000)));
}

Connector::Attempt::~Attempt() {
  if (!handle_) return;
  if (running_) connector_.loop_->remove(handle_->easy);
  if (connector_.idle_handles_.size() < most_idle_handles) {
    connector_.idle_handles_.push_back(std::move(handle_));
  }
}

bool Connector::Attempt::secure_proxy() const {
  return connector_.proxy_setting(route_).reveal().starts_with("https:");
}

void Connector::Attempt::start(Done done, LookupStarts lookup_starts) {
  done_ = std::move(done);
  lookup_starts_ = std::move(lookup_starts);
  running_ = true;
  CurlLoop& loop = *connector_.loop_;
  if (loop.add(handle_->easy) != CURLM_OK) {
    running_ = false;
    auto const tell = std::move(done_);
    tell(*this, nullptr, CURLE_FAILED_INIT);
  }
}

void Connector::Attempt::ended(CURLcode code) {
  std::unique_ptr<Wire> wire;
  if (code == CURLE_OK) {
    auto const socket = handle_->info<curl_socket_t>(CURLINFO_ACTIVESOCKET);
    bool const plain = url_.scheme == "http" && !secure_proxy();
    if (auto own = connector_.loop_->duplicate(socket); !own) {
      code = CURLE_COULDNT_CONNECT;
    } else if (plain) {
      wire = std::make_unique<Wire>(*std::move(own));
    } else {
      wire = tls_wire(*std::move(own));
    }
  }
  // Of a plain connection curl closes its own descriptor now; one with TLS keeps its handle.
  if (handle_) connector_.loop_->remove(handle_->easy);
  running_ = false;
  auto const tell = std::move(done_);
  tell(*this, std::move(wire), code);
}

std::unique_ptr<Wire> Connector::Attempt::tls_wire(CurlLoop::Descriptor socket) {
  // curl binds a connection to its handle with the first read. Until then it might take it for an
  // idle one, and does not say what TLS has agreed on.
  std::array<char, 4096> bytes;
  std::size_t count = 0;
  connector_.curl_->easy_recv(handle_->easy, bytes.data(), bytes.size(), &count);
  auto const* tls = handle_->info<curl_tlssessioninfo*>(CURLINFO_TLS_SSL_PTR);
  if (connector_.openssl_ != nullptr && tls != nullptr && tls->internals != nullptr &&
      tls->backend == CURLSSLBACKEND_OPENSSL && url_.scheme == "https") {
    unsigned char const* name = nullptr;
    unsigned size = 0;
    connector_.openssl_->SSL_get0_alpn_selected(tls->internals, &name, &size);
    http2_ = std::string_view(reinterpret_cast<char const*>(name), size) == "h2";
  }
  handle_->set_pointer(CURLOPT_PRIVATE, nullptr);
  return std::make_unique<Wire>(std::move(socket), *connector_.loop_, std::move(handle_),
                                std::string(bytes.data(), count));
}

// curl has prepared a handshake.
void Connector::Attempt::attach(void* tls_context) {
  connector_.issuers_->attach(tls_context);
  ++tls_layers_;
  OpenSsl const* const openssl = connector_.openssl_;
  if (openssl == nullptr) return;
  constexpr int set_mode = 33;               // SSL_CTRL_MODE
  constexpr long partial_moving_writes = 3;  // SSL_MODE_ENABLE_PARTIAL_WRITE,
                                             // SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
  openssl->SSL_CTX_ctrl(tls_context, set_mode, partial_moving_writes, nullptr);
  bool const to_the_host = url_.scheme == "https" && tls_layers_ == (secure_proxy() ? 2 : 1);
  if (!to_the_host) return;
  constexpr std::string_view offer = "\x02h2\x08http/1.1";  // RFC 7301
  openssl->SSL_CTX_set_alpn_protos(tls_context,
                                   reinterpret_cast<unsigned char const*>(offer.data()),
                                   static_cast<unsigned>(offer.size()));
}

bool Connector::Attempt::name_found() const {
  return lookup_began_ == Alarm::never ||
         (handle_ && handle_->info<curl_off_t>(CURLINFO_NAMELOOKUP_TIME_T) > 0);
}

long Connector::Attempt::opened() const {
  return handle_ ? handle_->info<long>(CURLINFO_NUM_CONNECTS) : 1;
}

HttpFailure Connector::Attempt::failure() const {
  HttpFailure failure = connector_.failure(url_);
  if (!handle_) return failure;
  failure.name_found = name_found();
  // curl 7.88 sets CURLINFO_CONNECT_TIME after the handshake only; it counts a connection before.
  failure.tcp_connected = opened() > 0;
  failure.os_error = static_cast<int>(handle_->info<long>(CURLINFO_OS_ERRNO));
  failure.proxy_status = handle_->info<long>(CURLINFO_HTTP_CONNECTCODE);
  // A failed proxy's words may quote the setting, password included.
  if (failure.https) {
    HttpSettings const& settings = connector_.settings_;
    failure.reason = handle_->reason.data();
    failure.issuer = connector_.issuers_->issuer_for(url_.host);
    failure.authorities = !settings.ca_file.empty() ? settings.ca_file : settings.ca_path;
  }
  return failure;
}

}  // namespace jumpseat
