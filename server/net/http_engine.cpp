#include "server/net/http_engine.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <new>
#include <utility>

#include "server/net/proxy.h"

namespace jumpseat {

namespace {

constexpr std::size_t most_held = 256u << 10;  // bytes of a body that wait for their reader
constexpr std::size_t most_header_bytes = 64u << 10;
constexpr std::size_t most_headers = 256;
constexpr std::size_t most_idle_handles = 16;  // each holds a receive buffer

Alarm::TimePoint now() { return SteadyTimer::clock_type::now(); }

Alarm::TimePoint after(Alarm::TimePoint start, std::chrono::milliseconds duration) {
  // Longer than a month is as good as forever, and cannot overflow.
  constexpr std::chrono::hours longest(24 * 30);
  return duration > longest ? Alarm::never : start + duration;
}

// RFC 9110, 5.6.2.
constexpr std::array<bool, 256> token_characters = [] {
  std::array<bool, 256> table{};
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = true;
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool token_character(char c) { return token_characters[static_cast<unsigned char>(c)]; }

bool same_name(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() &&
         std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + ('a' - 'A')) : x) == y;
         });
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  auto const begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace

// A curl easy handle whose options that never change are set once. Its address is what curl's
// callbacks get, so that a request sets only what differs.
struct EasyHandle {
  EasyHandle(CurlLibrary const& library, HttpEngine& its_engine)
      : curl(library), engine(its_engine), easy(library.easy_init()) {
    if (easy == nullptr) throw std::bad_alloc();
  }
  ~EasyHandle() { curl.easy_cleanup(easy); }
  EasyHandle(EasyHandle const&) = delete;
  EasyHandle& operator=(EasyHandle const&) = delete;

  // curl's interface is variadic: these see to it that the argument has the type the option
  // expects.
  void set(CURLoption option, long value) { curl.easy_setopt(easy, option, value); }
  void set(CURLoption option, curl_off_t value, std::nullptr_t) {
    curl.easy_setopt(easy, option, value);
  }
  void set(CURLoption option, char const* value) { curl.easy_setopt(easy, option, value); }
  void set_pointer(CURLoption option, void* value) { curl.easy_setopt(easy, option, value); }
  template <class Function>
  void set_function(CURLoption option, Function* function) {
    curl.easy_setopt(easy, option, function);
  }
  template <class T>
  T info(CURLINFO name) const {
    T value{};
    curl.easy_getinfo(easy, name, &value);
    return value;
  }

  // curl's callbacks. None of them calls curl, except for one flag (see on_headers_end).
  static std::size_t on_header(char* bytes, std::size_t, std::size_t count, void* self) noexcept {
    auto& transfer = *static_cast<EasyHandle*>(self)->transfer;
    return transfer.on_header({bytes, count}) ? count : 0;
  }
  static std::size_t on_body(char* bytes, std::size_t, std::size_t count, void* self) noexcept {
    auto& transfer = *static_cast<EasyHandle*>(self)->transfer;
    switch (transfer.on_body({bytes, count})) {
      case HttpTransfer::Taken::all:
        return count;
      case HttpTransfer::Taken::nothing_yet:
        return CURL_WRITEFUNC_PAUSE;
    }
    return 0;
  }
  static int on_lookup_starts(void*, void*, void* self) noexcept {
    static_cast<EasyHandle*>(self)->transfer->on_lookup_starts();
    return 0;
  }
  static int on_request_starts(void* self, char*, char*, int, int local_port) noexcept {
    static_cast<EasyHandle*>(self)->transfer->on_request_starts(local_port);
    return CURL_PREREQFUNC_OK;
  }

  static int on_connection(void* self, curl_socket_t socket, curlsocktype type) noexcept {
    auto& handle = *static_cast<EasyHandle*>(self);
    handle.sockets.push_back(socket);
    return CurlLoop::on_connection(handle.engine.loop_.get(), socket, type);
  }
  static CURLcode on_tls_context(CURL* easy, void* context, void* self) noexcept {
    auto& handle = *static_cast<EasyHandle*>(self);
    auto& engine = handle.engine;
    // Of the addresses that were tried at once the one that answered is left.
    auto const& sockets = handle.sockets;
    auto const socket = std::find_if(sockets.rbegin(), sockets.rend(),
                                     [&](curl_socket_t one) { return engine.loop_->holds(one); });
    if (socket != sockets.rend()) engine.floods_->attach(context, *socket);
    return IssuerNote::attach(easy, context, &*engine.issuers_);
  }

  CurlLibrary const& curl;
  HttpEngine& engine;
  CURL* easy;
  HttpTransfer* transfer = nullptr;
  std::array<char, CURL_ERROR_SIZE> reason{};
  std::vector<curl_socket_t> sockets;  // opened for the request, closed ones among them
  // What the options that differ are set to.
  Route route = Route::direct;
  bool https = false;
  bool trust_set = false;
  std::chrono::milliseconds connect_limit{0};
};

// --- HttpTransfer -------------------------------------------------------------

HttpTransfer::HttpTransfer(Executor executor, HttpRequest request, Url const& url)
    : request_(std::move(request)),
      host_(url.host),
      https_(url.scheme == "https"),
      started_(now()),
      changed_(executor) {}

HttpTransfer::~HttpTransfer() { abandon(); }

void HttpTransfer::abandon() {
  if (engine_ != nullptr) engine_->cut(*this, std::nullopt);
}

// One line per field, "Name: value", in one block that is wiped afterwards; curl's list only points
// into it.
Result<> HttpTransfer::build_headers() {
  constexpr std::string_view authorization = "Authorization: ";
  bool has_content_type = false;
  std::size_t size = 64 + authorization.size() + request_.authorization.size();
  for (auto const& [name, value] : request_.headers) {
    bool const good = !name.empty() && std::all_of(name.begin(), name.end(), token_character) &&
                      std::none_of(value.begin(), value.end(), [](char c) {
                        return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
                      });
    if (!good) {
      return fail(
                 ErrorCode::invalid_request,
                 "A request header for " + host_ +
                     " has an odd name or a control character in its value, so the request was not "
                     "sent.")
          .as_unsent();
    }
    has_content_type = has_content_type || same_name(name, "content-type");
    size += name.size() + value.size() + 3;
  }
  std::string_view const secret = request_.authorization.reveal();
  if (std::any_of(secret.begin(), secret.end(),
                  [](char c) { return c == '\r' || c == '\n' || c == '\0'; })) {
    return fail(ErrorCode::invalid_request,
                "The credential for " + host_ +
                    " contains a line break, so the request was not sent.")
        .as_unsent();
  }

  header_text_.reserve(size);  // no second block, which nobody would wipe
  header_list_.reserve(request_.headers.size() + 3);
  auto const line = [this](std::string_view name, std::string_view separator,
                           std::string_view value) {
    char* const begin = header_text_.data() + header_text_.size();
    header_text_.append(name).append(separator).append(value).push_back('\0');
    header_list_.push_back(curl_slist{begin, nullptr});
  };
  for (auto const& [name, value] : request_.headers) {
    // curl's spelling of a field without a value is "Name;".
    if (value.empty()) {
      line(name, ";", "");
    } else {
      line(name, ": ", value);
    }
  }
  if (!secret.empty()) line("Authorization", ": ", secret);
  line("Expect", ":", "");  // curl would wait a second for "100 Continue" before a large body
  if (!has_content_type) line("Content-Type", ":", "");  // no guess of curl's
  for (std::size_t i = 1; i < header_list_.size(); ++i) header_list_[i - 1].next = &header_list_[i];
  return {};
}

void HttpTransfer::set_deadline(TimePoint deadline) {
  deadline_ = deadline;
  engine_->note_deadline(deadline);
}

void HttpTransfer::on_lookup_starts() {
  lookup_deadline_ = after(now(), request_.timeouts.lookup);
  set_deadline(std::min(deadline_, lookup_deadline_));
}

void HttpTransfer::on_request_starts(int local_port) {
  resume();  // curl may begin anew, on another connection
  sending_ = true;
  local_port_ = local_port;
  guarded_ = engine_->floods_->use(local_port);
  TimePoint const start = now();
  first_byte_deadline_ = after(start, request_.timeouts.first_byte);
  // Looked at this early as well, because a first byte starts a shorter limit and curl does not
  // tell of a line until it is complete.
  set_deadline(std::min(first_byte_deadline_, after(start, request_.timeouts.headers)));
}

bool HttpTransfer::refuse(Error error) {
  failure_ = std::move(error);
  return false;
}

bool HttpTransfer::on_header(std::string_view line) {
  if (headers_in_) return true;  // trailers; curl bounds them
  if (guarded_) guarded_->useful();
  header_bytes_ += line.size();
  if (header_bytes_ > most_header_bytes || header_count_ > most_headers) {
    return refuse(fail(ErrorCode::upstream_headers_too_large,
                       "The reply from " + host_ +
                           " has more than 64 KiB or 256 fields of headers, so it was not read."));
  }
  if (expects_status_line_) return on_status_line(line);
  if (line == "\r\n" || line == "\n") return on_headers_end();
  if (++header_count_ > most_headers) return on_header({});
  if (line.front() == ' ' || line.front() == '\t') {  // folded (RFC 9112, 5.2)
    if (!headers_.fields.empty()) {
      headers_.fields.back().second.append(" ").append(trim(line));
    }
    return true;
  }
  auto const colon = line.find(':');
  if (colon == std::string_view::npos) return true;  // curl has judged it
  auto& [name, value] =
      headers_.fields.emplace_back(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return true;
}

// "HTTP/1.1 200 OK", "HTTP/2 200".
bool HttpTransfer::on_status_line(std::string_view line) {
  expects_status_line_ = false;
  auto const blank = line.find(' ');
  std::string_view const digits = blank == std::string_view::npos ? "" : line.substr(blank + 1, 3);
  auto const parsed = std::from_chars(digits.data(), digits.data() + digits.size(), status_);
  if (parsed.ec != std::errc() || status_ < 100) {
    return refuse(fail(ErrorCode::upstream_failed,
                       host_ + " sent a reply that is not valid HTTP. Try again."));
  }
  http1_ = line.starts_with("HTTP/1");
  headers_.fields.clear();
  headers_.fields.reserve(32);
  headers_began_ = now();
  set_deadline(std::min(deadline_, after(headers_began_, request_.timeouts.headers)));
  return true;
}

bool HttpTransfer::on_headers_end() {
  if (status_ < 200) {  // "100 Continue", "103 Early Hints": the reply is still to come
    expects_status_line_ = true;
    headers_began_ = Alarm::never;
    set_deadline(first_byte_deadline_);
    return true;
  }
  if (auto unfit = refusal()) return refuse(*std::move(unfit));
  headers_in_ = true;
  // Two lengths at once look like an attempt to smuggle a reply (RFC 9112, 6.3): the connection is
  // not used again. Setting this flag is the one thing asked of curl inside a callback; curl reads
  // it when the transfer ends.
  bool const chunked = !headers_.get("transfer-encoding").empty();
  if (chunked && !headers_.get("content-length").empty()) handle_->set(CURLOPT_FORBID_REUSE, 1L);
  set_deadline(after(now(), request_.timeouts.idle));
  changed_.notify();
  return true;
}

HttpTransfer::Taken HttpTransfer::on_body(std::string_view bytes) {
  if (!buffer_.empty() && buffer_.size() + bytes.size() > most_held) {
    // The peer has to wait, and we wait for our reader: no deadline until it comes.
    pause();
    set_deadline(Alarm::never);
    return Taken::nothing_yet;
  }
  if (guarded_) guarded_->useful();
  buffer_.append(bytes);
  set_deadline(after(now(), request_.timeouts.idle));
  changed_.notify();
  return Taken::all;
}

void HttpTransfer::pause() {
  if (!std::exchange(paused_, true) && guarded_) ++guarded_->paused;
}

void HttpTransfer::resume() {
  if (std::exchange(paused_, false) && guarded_) --guarded_->paused;
}

// A long answer need not hold a long request: what has left is not sent again once the reply has
// begun. (A reply that comes before the whole request has left keeps it.)
void HttpTransfer::release_body() {
  if (engine_ == nullptr || request_.body.empty()) return;
  auto const uploaded = handle_->info<curl_off_t>(CURLINFO_SIZE_UPLOAD_T);
  if (static_cast<std::size_t>(uploaded) == request_.body.size()) request_.body = HttpBody();
}

void HttpTransfer::count_connection() {
  if (engine_ != nullptr) engine_->count_connections(*this);
}

std::string HttpTransfer::take() {
  std::string bytes = std::exchange(buffer_, {});
  if (paused_) {
    resume();
    if (engine_ != nullptr) {
      set_deadline(after(now(), request_.timeouts.idle));
      engine_->loop_->unpause(handle_->easy);
    }
  }
  return bytes;
}

std::optional<Error> HttpTransfer::refusal() const {
  if (status_ == 407 && route_ != Route::direct) {
    HttpFailure failure(host_, engine_->proxy_of(*this), engine_->settings_.proxy_origin);
    failure.proxy_status = status_;  // the proxy did not pass the request on
    return http_error(CURLE_RECV_ERROR, failure);
  }
  if (status_ >= 300 && status_ < 400 && status_ != 304) {
    std::string_view location = headers_.get("location");
    std::string target = "another page of the same host";
    if (auto const scheme = location.find("//"); scheme != std::string_view::npos) {
      location.remove_prefix(scheme + 2);
      location = location.substr(0, location.find_first_of("/?#\\"));
      if (auto const at = location.rfind('@'); at != std::string_view::npos) {
        location.remove_prefix(at + 1);
      }
      target = std::string(location.substr(0, 253));
    }
    return fail(
        ErrorCode::unexpected_redirect,
        host_ + " answered with a redirect (" + std::to_string(status_) + ") to " + target +
            ". It was not followed, because it would take your credentials along. Check the "
            "address and whether a login page of the network is in the way.");
  }
  std::string_view const encoding = headers_.get("content-encoding");
  if (!encoding.empty() && !same_name(encoding, "identity")) {
    return fail(ErrorCode::unexpected_encoding,
                "The reply from " + host_ + " is compressed (" +
                    std::string(encoding.substr(0, 40)) +
                    "), which was not asked for. Check whether a proxy changes replies.");
  }
  return std::nullopt;
}

// --- HttpEngine ---------------------------------------------------------------

HttpEngine::HttpEngine(asio::io_context& io, HttpSettings settings)
    : io_(io), settings_(std::move(settings)), deadlines_(io, [this] { check_deadlines(); }) {
  http_proxy_address_ = proxy_address(settings_.http_proxy.reveal());
  https_proxy_address_ = proxy_address(settings_.https_proxy.reveal());
}

HttpEngine::~HttpEngine() { close(); }

void HttpEngine::close() {
  closed_ = true;
  while (!transfers_.empty()) {
    HttpTransfer& transfer = *transfers_.back();
    cut(transfer, fail(ErrorCode::cancelled, "The request to " + transfer.host_ +
                                                 " was cancelled: the program is stopping."));
  }
  loop_.reset();
  idle_handles_.clear();
  deadlines_.stop();
}

Result<> HttpEngine::load() {
  if (loop_) return {};
  auto curl = CurlLibrary::load();
  if (!curl) return curl.error();
  curl_ = *curl;
  issuers_.emplace(*curl_);
  floods_.emplace(*curl_);
  loop_ = std::make_unique<CurlLoop>(io_, *curl_,
                                     [this](CURL* easy, CURLcode code) { ended(easy, code); });
  return {};
}

Result<std::shared_ptr<HttpTransfer>> HttpEngine::start(HttpRequest request) {
  if (closed_) {
    return fail(ErrorCode::cancelled, "The request was not sent: the program is stopping.")
        .as_unsent();
  }
  auto url = parse_url(request.url);
  if (!url) return Error(url.error()).as_unsent();
  if (auto loaded = load(); !loaded) return loaded.error();

  auto transfer = std::make_shared<HttpTransfer>(io_.get_executor(), std::move(request), *url);
  if (auto built = transfer->build_headers(); !built) return built.error();
  transfer->handle_ = lend();
  prepare(*transfer->handle_, *transfer, *url);

  transfer->engine_ = this;
  transfer->index_ = transfers_.size();
  transfers_.push_back(transfer.get());
  transfer->set_deadline(after(transfer->started_, transfer->request_.timeouts.connect));
  if (CURLMcode const code = loop_->add(transfer->handle_->easy); code != CURLM_OK) {
    settle(*transfer, std::nullopt);
    return fail(ErrorCode::internal, "The request could not be started (curl error " +
                                         std::to_string(static_cast<int>(code)) + ").")
        .as_unsent();
  }
  return transfer;
}

std::unique_ptr<EasyHandle> HttpEngine::lend() {
  if (!idle_handles_.empty()) {
    auto handle = std::move(idle_handles_.back());
    idle_handles_.pop_back();
    return handle;
  }
  auto handle = std::make_unique<EasyHandle>(*curl_, *this);
  configure(*handle);
  return handle;
}

// What is the same for all requests.
void HttpEngine::configure(EasyHandle& handle) {
  handle.set_pointer(CURLOPT_PRIVATE, &handle);
  handle.set_pointer(CURLOPT_ERRORBUFFER, handle.reason.data());
  handle.set_function(CURLOPT_HEADERFUNCTION, &EasyHandle::on_header);
  handle.set_pointer(CURLOPT_HEADERDATA, &handle);
  handle.set_function(CURLOPT_WRITEFUNCTION, &EasyHandle::on_body);
  handle.set_pointer(CURLOPT_WRITEDATA, &handle);
  handle.set_function(CURLOPT_RESOLVER_START_FUNCTION, &EasyHandle::on_lookup_starts);
  handle.set_pointer(CURLOPT_RESOLVER_START_DATA, &handle);
  handle.set_function(CURLOPT_PREREQFUNCTION, &EasyHandle::on_request_starts);
  handle.set_pointer(CURLOPT_PREREQDATA, &handle);
  handle.set_function(CURLOPT_SOCKOPTFUNCTION, &EasyHandle::on_connection);
  handle.set_pointer(CURLOPT_SOCKOPTDATA, &handle);
  handle.set_function(CURLOPT_CLOSESOCKETFUNCTION, &CurlLoop::close_socket);
  handle.set_pointer(CURLOPT_CLOSESOCKETDATA, loop_.get());

  handle.set(CURLOPT_PROTOCOLS_STR, "http,https");
  handle.set(CURLOPT_REDIR_PROTOCOLS_STR, "https");
  handle.set(CURLOPT_FOLLOWLOCATION, 0L);
  handle.set(CURLOPT_UNRESTRICTED_AUTH, 0L);
  handle.set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  handle.set(CURLOPT_NOSIGNAL, 1L);
  // Without this, cancelling a request whose name is being looked up would wait for the look-up.
  handle.set(CURLOPT_QUICK_EXIT, 1L);
  handle.set(CURLOPT_TCP_NODELAY, 1L);
  handle.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  // curl's own reading of the environment is switched off: what applies comes with HttpSettings.
  handle.set(CURLOPT_PROXY, "");
  handle.set(CURLOPT_NOPROXY, "");
  handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  handle.set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));

  handle.set(CURLOPT_SSL_VERIFYPEER, 1L);
  handle.set(CURLOPT_SSL_VERIFYHOST, 2L);
  handle.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  handle.set(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
  handle.set(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
  handle.set(CURLOPT_PROXY_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  handle.set_function(CURLOPT_SSL_CTX_FUNCTION, &EasyHandle::on_tls_context);
  handle.set_pointer(CURLOPT_SSL_CTX_DATA, &handle);
}

Route HttpEngine::route(Url const& url) const {
  bool const https = url.scheme == "https";
  if ((https ? settings_.https_proxy : settings_.http_proxy).empty()) return Route::direct;
  if (bypasses_proxy(settings_.no_proxy, url)) return Route::direct;
  return https ? Route::https_proxy : Route::http_proxy;
}

// What differs from request to request.
void HttpEngine::prepare(EasyHandle& handle, HttpTransfer& transfer, Url const& url) {
  HttpRequest const& request = transfer.request_;
  handle.transfer = &transfer;
  handle.reason[0] = '\0';
  handle.sockets.clear();
  handle.set(CURLOPT_URL, request.url.c_str());
  handle.set_pointer(CURLOPT_HTTPHEADER, transfer.header_list_.data());

  bool const has_body = !request.body.empty();
  if (has_body || request.method == "POST") {
    handle.set(CURLOPT_POST, 1L);
    handle.set_pointer(CURLOPT_POSTFIELDS,
                       const_cast<char*>(request.body.view().data()));  // not copied
    handle.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()), nullptr);
  } else if (request.method == "HEAD") {
    handle.set(CURLOPT_NOBODY, 1L);
  } else {
    handle.set(CURLOPT_HTTPGET, 1L);
  }
  bool const usual = request.method == (has_body ? "POST" : "GET") || request.method == "POST" ||
                     (request.method == "HEAD" && !has_body);
  handle.set(CURLOPT_CUSTOMREQUEST, usual ? nullptr : request.method.c_str());

  if (handle.https != transfer.https_) {
    handle.https = transfer.https_;
    // HTTP/2 where TLS offers it; a request waits for a connection under way rather than open its
    // own.
    handle.set(CURLOPT_HTTP_VERSION,
               static_cast<long>(handle.https ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    handle.set(CURLOPT_PIPEWAIT, handle.https ? 1L : 0L);
  }
  transfer.route_ = route(url);
  bool const secure_proxy = settings_.http_proxy.reveal().starts_with("https:");
  if ((transfer.https_ || (transfer.route_ == Route::http_proxy && secure_proxy)) &&
      !handle.trust_set) {
    if (!trust_) trust_ = tls_trust(settings_.ca_file, settings_.ca_path, *curl_);
    handle.trust_set = true;
    char const* const file = trust_->file.empty() ? nullptr : trust_->file.c_str();
    char const* const directory = trust_->directory.empty() ? nullptr : trust_->directory.c_str();
    handle.set(CURLOPT_CAINFO, file);
    handle.set(CURLOPT_CAPATH, directory);
    handle.set(CURLOPT_PROXY_CAINFO, file);
    handle.set(CURLOPT_PROXY_CAPATH, directory);
  }
  if (handle.route != transfer.route_) {
    handle.route = transfer.route_;
    std::string proxy;
    switch (handle.route) {
      case Route::direct:
        break;
      case Route::http_proxy:
        proxy = settings_.http_proxy.reveal();
        break;
      case Route::https_proxy:
        proxy = settings_.https_proxy.reveal();
        break;
    }
    handle.set(CURLOPT_PROXY, proxy.c_str());
    wipe(proxy);
  }
  if (handle.connect_limit != request.timeouts.connect) {
    // Ours is the one that ends the request; curl divides its own among the addresses of a host.
    handle.connect_limit = request.timeouts.connect;
    handle.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::clamp<long long>(
                                              handle.connect_limit.count(), 1, 86'400'000)));
  }
}

void HttpEngine::ended(CURL* easy, CURLcode code) {
  char* data = nullptr;
  curl_->easy_getinfo(easy, CURLINFO_PRIVATE, &data);
  HttpTransfer& transfer = *static_cast<EasyHandle*>(static_cast<void*>(data))->transfer;
  if (code == CURLE_OK && !transfer.headers_in_) code = CURLE_GOT_NOTHING;
  if (code == CURLE_OK && transfer.http1_) {
    loop_->rest(transfer.handle_->info<curl_socket_t>(CURLINFO_ACTIVESOCKET));
  }
  std::optional<Error> failure = std::move(transfer.failure_);
  if (!failure && code == CURLE_OPERATION_TIMEDOUT && !transfer.sending_) {
    failure = connect_timeout(describe(transfer), transfer.request_.timeouts.connect);
  }
  if (!failure && code != CURLE_OK) {
    bool const is_flooded = transfer.guarded_ && transfer.guarded_->flooded;
    failure = is_flooded ? flooded(describe(transfer)) : http_error(code, describe(transfer));
  }
  if (!failure) {
    loop_->remove(easy);
    return settle(transfer, std::nullopt);
  }
  int const local_port = transfer.local_port_;
  cut(transfer, std::move(failure));
  // curl keeps an HTTP/2 connection that has failed as a whole for the next request, and one with
  // something left to be read it thinks alive.
  bool const is_broken =
      code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_HTTP2;
  if (is_broken && local_port != 0) loop_->end(local_port);
}

void HttpEngine::cut(HttpTransfer& transfer, std::optional<Error> failure) {
  bool const may_be_http2 = transfer.https_ && transfer.sending_ && !transfer.http1_;
  if (transfer.guarded_) transfer.guarded_->given_up();
  loop_->remove(transfer.handle_->easy);
  settle(transfer, std::move(failure));
  if (may_be_http2 && !closed_) flush_reset(transfer.local_port_);
}

// curl 7.88 writes the RST_STREAM of a removed transfer into the connection's buffer and leaves it
// there until it has something else to do on that connection. With another stream on it, that can
// be arranged. Otherwise the next request takes the frame along; when none comes soon, the
// connection is given up, because a reply that nobody reads costs the user money upstream. (An
// editor's next request usually follows a cancelled one within a few keystrokes.)
void HttpEngine::flush_reset(int local_port) {
  for (HttpTransfer* other : transfers_) {
    if (other->local_port_ == local_port && !other->paused_) {
      return loop_->nudge(other->handle_->easy);
    }
  }
  loop_->end_unless_used(local_port, std::chrono::milliseconds(250));
}

void HttpEngine::settle(HttpTransfer& transfer, std::optional<Error> failure) {
  count_connections(transfer);
  transfers_[transfer.index_] = transfers_.back();
  transfers_[transfer.index_]->index_ = transfer.index_;
  transfers_.pop_back();

  if (transfer.guarded_ && transfer.paused_) --transfer.guarded_->paused;
  transfer.guarded_.reset();

  EasyHandle& handle = *transfer.handle_;
  handle.transfer = nullptr;
  handle.set_pointer(CURLOPT_HTTPHEADER, nullptr);
  handle.set(CURLOPT_FORBID_REUSE, 0L);
  if (idle_handles_.size() < most_idle_handles && !closed_) {
    idle_handles_.push_back(std::move(transfer.handle_));
  } else {
    transfer.handle_.reset();
  }
  wipe(transfer.header_text_);
  transfer.request_.authorization = Secret();
  transfer.request_.body = HttpBody();
  transfer.engine_ = nullptr;
  transfer.deadline_ = Alarm::never;
  transfer.failure_ = std::move(failure);
  transfer.changed_.notify();
}

HttpFailure HttpEngine::describe(HttpTransfer const& transfer) const {
  HttpFailure failure(transfer.host_, proxy_of(transfer), settings_.proxy_origin);
  EasyHandle const& handle = *transfer.handle_;
  failure.https = transfer.https_;
  failure.sent = transfer.sending_;
  failure.headers_in = transfer.headers_in_;
  // One that waits for a connection which another opens looks no name up.
  failure.name_found = transfer.lookup_deadline_ == Alarm::never ||
                       handle.info<curl_off_t>(CURLINFO_NAMELOOKUP_TIME_T) > 0;
  // curl 7.88 sets CURLINFO_CONNECT_TIME after the handshake only; it counts a connection before.
  failure.tcp_connected = handle.info<long>(CURLINFO_NUM_CONNECTS) > 0;
  failure.os_error = static_cast<int>(handle.info<long>(CURLINFO_OS_ERRNO));
  failure.proxy_status = handle.info<long>(CURLINFO_HTTP_CONNECTCODE);
  // A failed proxy's words may quote the setting, password included.
  if (failure.https) {
    failure.reason = handle.reason.data();
    failure.issuer = issuers_->issuer_for(transfer.host_);
    failure.authorities = !settings_.ca_file.empty() ? settings_.ca_file : settings_.ca_path;
  }
  return failure;
}

std::string const& HttpEngine::proxy_of(HttpTransfer const& transfer) const {
  static std::string const none;
  switch (transfer.route_) {
    case Route::direct:
      break;
    case Route::http_proxy:
      return http_proxy_address_;
    case Route::https_proxy:
      return https_proxy_address_;
  }
  return none;
}

void HttpEngine::count_connections(HttpTransfer& transfer) {
  long const opened = transfer.handle_->info<long>(CURLINFO_NUM_CONNECTS);
  connections_opened_ += static_cast<std::size_t>(opened - transfer.connections_counted_);
  transfer.connections_counted_ = opened;
}

// --- Deadlines ----------------------------------------------------------------

// One alarm for all transfers: each byte moves a deadline away, and nearly none is ever reached.
void HttpEngine::note_deadline(Alarm::TimePoint deadline) {
  if (deadline < deadlines_.due()) deadlines_.set(deadline);
}

void HttpEngine::check_deadlines() {
  Alarm::TimePoint const time = now();
  Alarm::TimePoint next = Alarm::never;
  for (std::size_t i = 0; i < transfers_.size();) {
    HttpTransfer& transfer = *transfers_[i];
    if (transfer.deadline_ <= time) {
      if (auto failure = overdue(transfer, time)) {
        cut(transfer, std::move(failure));  // another one takes its place
        continue;
      }
    }
    next = std::min(next, transfer.deadline_);
    ++i;
  }
  // With thousands of streams many deadlines lie close together: one look serves them all.
  constexpr std::chrono::milliseconds pause(10);
  if (next != Alarm::never) deadlines_.set(std::max(next, time + pause));
}

// The deadline has come: is there really nothing? If so, why; otherwise the deadline is set anew.
std::optional<Error> HttpEngine::overdue(HttpTransfer& transfer, Alarm::TimePoint time) {
  HttpTimeouts const& limits = transfer.request_.timeouts;
  if (!transfer.sending_) {
    HttpFailure const failure = describe(transfer);
    Alarm::TimePoint const limit = after(transfer.started_, limits.connect);
    if (!failure.name_found && transfer.lookup_deadline_ <= std::min(time, limit)) {
      return connect_timeout(failure, limits.lookup);
    }
    if (limit <= time) return connect_timeout(failure, limits.connect);
    transfer.deadline_ = limit;
    return std::nullopt;
  }
  if (transfer.headers_in_) {
    return fail(ErrorCode::idle_timeout, "The answer from " + transfer.host_ +
                                             " stopped: nothing came for " +
                                             duration_text(limits.idle) + ". Try again.");
  }
  EasyHandle const& handle = *transfer.handle_;
  // A body of this size does not leave together with the head, and curl then takes the time of its
  // first byte for that of the reply's.
  constexpr std::size_t large = 64u << 10;
  bool const is_large = transfer.request_.body.size() >= large;
  Alarm::TimePoint began = transfer.headers_began_;
  if (!is_large) {
    auto const first_byte = handle.info<curl_off_t>(CURLINFO_STARTTRANSFER_TIME_T);
    if (first_byte > 0) began = transfer.started_ + std::chrono::microseconds(first_byte);
  }
  if (began != Alarm::never) {
    auto const limit = after(began, limits.headers);
    if (limit > time) {
      transfer.deadline_ = limit;
      return std::nullopt;
    }
    return fail(ErrorCode::first_byte_timeout, "The reply from " + transfer.host_ +
                                                   " began, but its headers did not end within " +
                                                   duration_text(limits.headers) + ". Try again.");
  }
  // On a slow line: as long as the body moves, it is not time to wait for the answer.
  if (is_large) {
    auto const uploaded = handle.info<curl_off_t>(CURLINFO_SIZE_UPLOAD_T);
    if (uploaded != transfer.uploaded_) {
      transfer.uploaded_ = uploaded;
      transfer.first_byte_deadline_ = after(time, limits.first_byte);
    }
  }
  if (transfer.first_byte_deadline_ > time) {
    transfer.deadline_ = std::min(transfer.first_byte_deadline_, after(time, limits.headers));
    return std::nullopt;
  }
  return fail(ErrorCode::first_byte_timeout, transfer.host_ + " did not begin to answer within " +
                                                 duration_text(limits.first_byte) + ". Try again.");
}

}  // namespace jumpseat
