#include "server/net/curl_loop.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <utility>

namespace jumpseat {
namespace {

// Ends the connection when its path is gone (another network, a VPN that ended), which nobody tells
// of: a peer of which nothing was heard for 15 s is asked every 5 s; after 25 s without an answer
// the connection is over, whether bytes are awaited or what was sent is not taken. (HTTP/2 also
// asks the peer itself, who may be behind a proxy.) A system that knows no such limit keeps its
// own.
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

// One socket that curl wants to hear about, by a duplicate of it: curl closes some sockets without
// a word, and their number may be in use again at once. A wait holds the watch, not the number, so
// an event that comes late finds `loop` empty and hits nobody else.
struct CurlLoop::Watch {
  Watch(Descriptor duplicate, curl_socket_t curls, CurlLoop* owner)
      : descriptor(std::move(duplicate)), socket(curls), loop(owner) {}
  Watch(Watch const&) = delete;
  Watch& operator=(Watch const&) = delete;
  Descriptor descriptor;
  curl_socket_t socket;
  CurlLoop* loop;  // null once dropped
  int wanted = CURL_POLL_NONE;
  bool reading = false;  // a wait is under way
  bool writing = false;
};

CurlLoop::CurlLoop(asio::io_context& io, CurlLibrary const& curl, Done done)
    : io_(io), curl_(curl), done_(std::move(done)), multi_(curl.multi_init()), alarm_(io, [this] {
        due_ = Alarm::never;
        act(CURL_SOCKET_TIMEOUT, 0);
      }) {
  if (multi_ == nullptr) throw std::bad_alloc();
  curl_.multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlLoop::on_socket);
  curl_.multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_.multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlLoop::on_timer);
  curl_.multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

CurlLoop::~CurlLoop() {
  curl_.multi_cleanup(multi_);
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

std::optional<CurlLoop::Descriptor> CurlLoop::duplicate(curl_socket_t socket) {
  int const copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return std::nullopt;
  return Descriptor(io_, copy);
}

int CurlLoop::on_connection(void* loop, curl_socket_t socket, curlsocktype) noexcept {
  end_when_path_is_gone(socket);
  static_cast<CurlLoop*>(loop)->drop(socket);  // one that had this number before
  return CURL_SOCKOPT_OK;
}

int CurlLoop::on_socket(CURL*, curl_socket_t socket, int what, void* loop, void*) noexcept {
  auto* self = static_cast<CurlLoop*>(loop);
  if (what == CURL_POLL_REMOVE) {
    self->drop(socket);
  } else {
    self->want(socket, what);
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

void CurlLoop::want(curl_socket_t socket, int what) {
  auto found = watches_.find(socket);
  if (found == watches_.end()) {
    auto descriptor = duplicate(socket);
    // Out of descriptors: the attempt ends at its deadline. Refusing would make curl end all of
    // them.
    if (!descriptor) return;
    auto watch = std::make_shared<Watch>(*std::move(descriptor), socket, this);
    found = watches_.emplace(socket, std::move(watch)).first;
  }
  found->second->wanted = what;
  arm(found->second);
}

void CurlLoop::drop(curl_socket_t socket) {
  auto found = watches_.find(socket);
  if (found == watches_.end()) return;
  auto const dropped = std::move(found->second);
  watches_.erase(found);
  dropped->loop = nullptr;
  // Its waits end, and find `loop` empty.
  boost::system::error_code ignored;
  dropped->descriptor.close(ignored);
}

// Starts the waits that are wanted and not yet under way. One that is no longer wanted is left
// alone: its event is ignored.
void CurlLoop::arm(std::shared_ptr<Watch> const& watch) {
  if ((watch->wanted & CURL_POLL_IN) != 0 && !watch->reading) {
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
