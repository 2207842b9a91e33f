#include "server/auth/store_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "server/base/deadline.h"
#include "server/base/log.h"

namespace jumpseat {
namespace {

using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

// One transaction touches the files several times.
constexpr std::chrono::milliseconds settle{50};

// The directory itself was deleted or moved away: nothing more will be told of its path.
bool is_over(std::string_view events) {
  while (events.size() >= sizeof(inotify_event)) {
    inotify_event event{};
    std::memcpy(&event, events.data(), sizeof event);
    if ((event.mask & (IN_IGNORED | IN_MOVE_SELF)) != 0) return true;
    events.remove_prefix(std::min(events.size(), sizeof event + event.len));
  }
  return false;
}

}  // namespace

bool StoreWatch::start(std::string const& database_path) {
  if (watched_ == database_path) return true;
  auto const slash = database_path.rfind('/');
  if (slash == std::string::npos) return false;
  int const descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) return false;
  auto const directory = database_path.substr(0, slash);
  if (::inotify_add_watch(descriptor, directory.c_str(),
                          IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVE | IN_MOVE_SELF | IN_ONLYDIR) <
      0) {
    log::debug("storage", "other processes' changes are noticed by the next request only",
               {{"why", std::strerror(errno)}});
    ::close(descriptor);
    return false;
  }
  watched_ = database_path;
  background_.spawn("store watch", watch(descriptor));
  return true;
}

awaitable<> StoreWatch::watch(int descriptor) {
  Descriptor events(io_, descriptor);
  std::array<char, 4096> bytes;
  while (true) {
    auto const [problem, count] =
        co_await events.async_read_some(asio::buffer(bytes), asio::as_tuple(use_awaitable));
    if (problem) co_return;
    // Which of the files changed does not matter.
    bool const over = is_over({bytes.data(), count});
    co_await sleep_for(settle);
    if (over) watched_.clear();  // whoever opens the database anew starts a watch anew
    changed_();
    if (over) co_return;
  }
}

}  // namespace jumpseat
