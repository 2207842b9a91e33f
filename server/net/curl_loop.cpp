#include "server/net/curl_loop.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace jumpseat {
namespace {

// Ends the connection when its path is gone (another network, a VPN that ended), which nobody tells
// of: a peer of which nothing was heard for 15 s is asked every 5 s; after 25 s without an answer
// the connection is over, whether bytes are awaited or what was sent is not taken. curl has no
// option for the last limit, and its HTTP/2 pings (curl_easy_upkeep) do not reach the connections
// of a multi handle. A system that knows no such limit keeps its own.
void end_when_path_is_gone(curl_socket_t socket) {
  constexpr int silence = 15;  // seconds
  constexpr int interval = 5;
  constexpr int probes = 2;
  auto const set = [socket](int level, int name, int value) {
    ::setsockopt(socket, level, name, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef __APPLE__
  set(IPPROTO_TCP, TCP_KEEPALIVE, silence);
  set(IPPROTO_TCP, TCP_RXT_CONNDROPTIME, silence + interval * probes);
#else
  set(IPPROTO_TCP, TCP_KEEPIDLE, silence);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, (silence + interval * probes) * 1000);
#endif
  set(IPPROTO_TCP, TCP_KEEPINTVL, interval);
  set(IPPROTO_TCP, TCP_KEEPCNT, probes);
}

}  // namespace

// What the watched descriptor is to curl.
enum class CurlLoop::Kind {
  connection,  // to a server: kept between transfers; we are asked to close it
  own,         // curl's, closed without a word, and the number may be in use again at once
};

// One socket that curl wants to hear about: a connection's itself, a duplicate of any other. A wait
// holds the watch, not the number, so an event that comes late finds `loop` empty and hits nobody
// else.
struct CurlLoop::Watch {
  Watch(asio::io_context& io, int watched, curl_socket_t curls, Kind of, CurlLoop* owner)
      : descriptor(io, watched), socket(curls), kind(of), loop(owner) {}
  ~Watch() {
    if (kind == Kind::connection && descriptor.is_open()) descriptor.release();
  }
  Watch(Watch const&) = delete;
  Watch& operator=(Watch const&) = delete;
  asio::posix::basic_stream_descriptor<Executor> descriptor;
  curl_socket_t socket;
  Kind kind;
  CurlLoop* loop;  // null once dropped
  int wanted = CURL_POLL_NONE;
  bool resting = false;                  // see rest()
  Alarm::TimePoint ends = Alarm::never;  // see end_unless_used()
  bool reading = false;                  // a wait is under way
  bool writing = false;
};

CurlLoop::CurlLoop(asio::io_context& io, CurlLibrary const& curl, Done done)
    : io_(io),
      curl_(curl),
      done_(std::move(done)),
      multi_(curl.multi_init()),
      alarm_(io,
             [this] {
               due_ = Alarm::never;
               act(CURL_SOCKET_TIMEOUT, 0);
             }),
      endings_(io, [this] { check_endings(); }) {
  if (multi_ == nullptr) throw std::bad_alloc();
  curl_.multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlLoop::on_socket);
  curl_.multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_.multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlLoop::on_timer);
  curl_.multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_.multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  curl_.multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 32L);  // idle connections kept for reuse
}

CurlLoop::~CurlLoop() {
  curl_.multi_cleanup(multi_);  // calls close_socket()
  while (!watches_.empty()) drop(watches_.begin()->first);
}

CURLMcode CurlLoop::add(CURL* easy) {
  CURLMcode const code = curl_.multi_add_handle(multi_, easy);
  if (code == CURLM_OK) act(CURL_SOCKET_TIMEOUT, 0);
  return code;
}

void CurlLoop::remove(CURL* easy) {
  curl_.multi_remove_handle(multi_, easy);
  alarm_.set(due_);
}

void CurlLoop::unpause(CURL* easy) {
  curl_.easy_pause(easy, CURLPAUSE_CONT);
  alarm_.set(due_);
}

void CurlLoop::rest(curl_socket_t socket) {
  auto const found = watches_.find(socket);
  if (found != watches_.end() && found->second->wanted == CURL_POLL_NONE) {
    found->second->resting = true;
    arm(found->second);
  }
}

// Only a transfer that comes to life again makes curl do this, so it is put to sleep first.
void CurlLoop::nudge(CURL* easy) {
  curl_.easy_pause(easy, CURLPAUSE_RECV);
  unpause(easy);
}

bool CurlLoop::holds(curl_socket_t socket) const {
  auto const found = watches_.find(socket);
  return found != watches_.end() && found->second->kind == Kind::connection;
}

int CurlLoop::local_port(curl_socket_t socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<sockaddr_in const*>(&address)->sin_port);
  }
  return ntohs(reinterpret_cast<sockaddr_in6 const*>(&address)->sin6_port);
}

void CurlLoop::end_unless_used(int local_port, std::chrono::milliseconds grace) {
  for (auto& [socket, watch] : watches_) {
    if (watch->kind != Kind::connection || watch->wanted != CURL_POLL_NONE ||
        CurlLoop::local_port(socket) != local_port)
      continue;
    watch->ends = SteadyTimer::clock_type::now() + grace;
    endings_.set(std::min(endings_.due(), watch->ends));
  }
}

void CurlLoop::end(int local_port) {
  for (auto const& [socket, watch] : watches_) {
    if (watch->kind == Kind::connection && watch->wanted == CURL_POLL_NONE &&
        CurlLoop::local_port(socket) == local_port) {
      // Closing it is a reset: a peer that is still sending would not notice a polite end.
      linger const at_once{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      return cut(*watch);
    }
  }
}

void CurlLoop::check_endings() {
  auto const now = SteadyTimer::clock_type::now();
  Alarm::TimePoint next = Alarm::never;
  for (auto each = watches_.begin(); each != watches_.end();) {
    Watch& watch = *each->second;
    ++each;  // cut() takes the watch out
    if (watch.ends <= now) {
      cut(watch);
    } else {
      next = std::min(next, watch.ends);
    }
  }
  endings_.set(next);
}

// Ends an idle connection, which curl has no function for. One that is shut down and has nothing
// left to read it finds dead, and replaces.
void CurlLoop::cut(Watch& watch) {
  int const socket = watch.descriptor.native_handle();
  ::shutdown(socket, SHUT_RDWR);
  std::array<char, 4096> bytes;
  while (::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
  }
  drop(watch.socket);
}

int CurlLoop::on_connection(void* loop, curl_socket_t socket, curlsocktype) noexcept {
  end_when_path_is_gone(socket);
  static_cast<CurlLoop*>(loop)->watch(socket, Kind::connection);
  return CURL_SOCKOPT_OK;
}

int CurlLoop::close_socket(void* loop, curl_socket_t socket) noexcept {
  static_cast<CurlLoop*>(loop)->drop(socket);
  return ::close(socket);
}

int CurlLoop::on_socket(CURL*, curl_socket_t socket, int what, void* loop, void*) noexcept {
  auto* self = static_cast<CurlLoop*>(loop);
  if (what != CURL_POLL_REMOVE) {
    self->want(socket, what);
  } else if (auto const found = self->watches_.find(socket); found != self->watches_.end()) {
    // Also said when a connection goes idle or its transfer is paused. Its watch is kept, which
    // spares the next request six system calls; it goes when curl closes the socket, and curl tells
    // of that for connections. Other descriptors (curl wakes itself up after a name look-up) it
    // closes silently.
    if (found->second->kind == Kind::connection) {
      found->second->wanted = CURL_POLL_NONE;
    } else {
      self->drop(socket);
    }
  }
  return 0;
}

int CurlLoop::on_timer(CURLM*, long milliseconds, void* loop) noexcept {
  auto* self = static_cast<CurlLoop*>(loop);
  // The alarm itself is set when curl has returned: curl often changes its mind several times.
  self->due_ = milliseconds < 0
                   ? Alarm::never
                   : SteadyTimer::clock_type::now() +
                         std::chrono::milliseconds(std::min(milliseconds, 86'400'000L));
  return 0;
}

CurlLoop::Watch* CurlLoop::watch(curl_socket_t socket, Kind kind) {
  auto const found = watches_.find(socket);
  if (found != watches_.end()) return found->second.get();
  int const watched = kind == Kind::connection ? socket : ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  // Out of descriptors: the transfer ends at its deadline. Refusing would make curl end all of
  // them.
  if (watched < 0) return nullptr;
  auto created = std::make_shared<Watch>(io_, watched, socket, kind, this);
  return watches_.emplace(socket, std::move(created)).first->second.get();
}

void CurlLoop::want(curl_socket_t socket, int what) {
  Watch* const found = watch(socket, Kind::own);
  if (found == nullptr) return;
  found->wanted = what;
  found->resting = false;
  found->ends = Alarm::never;
  arm(watches_.find(socket)->second);
}

void CurlLoop::drop(curl_socket_t socket) {
  auto found = watches_.find(socket);
  if (found == watches_.end()) return;
  auto const dropped = std::move(found->second);
  watches_.erase(found);
  dropped->loop = nullptr;
  // Its waits end, and find `loop` empty.
  if (dropped->kind == Kind::connection) {
    dropped->descriptor.release();
  } else {
    boost::system::error_code ignored;
    dropped->descriptor.close(ignored);
  }
}

// Starts the waits that are wanted and not yet under way. One that is no longer wanted is left
// alone: its event is ignored.
void CurlLoop::arm(std::shared_ptr<Watch> const& watch) {
  if (((watch->wanted & CURL_POLL_IN) != 0 || watch->resting) && !watch->reading) {
    watch->reading = true;
    watch->descriptor.async_wait(
        watch->descriptor.wait_read, [watch](boost::system::error_code error) {
          watch->reading = false;
          if (watch->loop == nullptr) return;
          watch->loop->ready(watch, error ? CURL_CSELECT_ERR : CURL_CSELECT_IN);
        });
  }
  if ((watch->wanted & CURL_POLL_OUT) != 0 && !watch->writing) {
    watch->writing = true;
    watch->descriptor.async_wait(
        watch->descriptor.wait_write, [watch](boost::system::error_code error) {
          watch->writing = false;
          if (watch->loop == nullptr) return;
          watch->loop->ready(watch, error ? CURL_CSELECT_ERR : CURL_CSELECT_OUT);
        });
  }
}

void CurlLoop::ready(std::shared_ptr<Watch> const& watch, int event) {
  if (watch->resting) {
    // Bytes nobody asked for, or the end. curl 7.88 would read such bytes as the next reply
    // (quality row U20).
    return cut(*watch);
  }
  int const wanted = (watch->wanted & CURL_POLL_IN ? CURL_CSELECT_IN : 0) |
                     (watch->wanted & CURL_POLL_OUT ? CURL_CSELECT_OUT : 0) | CURL_CSELECT_ERR;
  if ((event & wanted) == 0) return;
  act(watch->socket, event);
  if (watch->loop != nullptr) arm(watch);
}

void CurlLoop::act(curl_socket_t socket, int events) {
  int running = 0;
  curl_.multi_socket_action(multi_, socket, events, &running);
  int left = 0;
  while (CURLMsg const* message = curl_.multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    done_(message->easy_handle, message->data.result);
  }
  alarm_.set(due_);
}

}  // namespace jumpseat
