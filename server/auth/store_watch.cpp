#include "server/auth/store_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
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

}  // namespace

void StoreWatch::start(std::string const& database_path) {
  auto const slash = database_path.rfind('/');
  if (slash == std::string::npos || watched_ == database_path) return;
  watched_ = database_path;
  int const descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) return;
  auto const directory = database_path.substr(0, slash);
  if (::inotify_add_watch(descriptor, directory.c_str(),
                          IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
    log::debug("storage", "other processes' changes are noticed by the next request only",
               {{"why", std::strerror(errno)}});
    ::close(descriptor);
    return;
  }
  background_.spawn("store watch", watch(descriptor));
}

awaitable<> StoreWatch::watch(int descriptor) {
  Descriptor events(io_, descriptor);
  std::array<char, 4096> bytes;
  while (true) {
    // What changed does not matter, only that something did.
    auto const [problem, count] =
        co_await events.async_read_some(asio::buffer(bytes), asio::as_tuple(use_awaitable));
    if (problem) co_return;
    static_cast<void>(count);
    co_await sleep_for(settle);
    changed_();
  }
}

}  // namespace jumpseat
