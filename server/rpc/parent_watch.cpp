#include "server/rpc/parent_watch.h"

#include <signal.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
#endif

#include <cerrno>
#include <utility>

#include "server/base/deadline.h"
#include "server/base/log.h"

namespace jumpseat {
namespace {

bool exists(std::int64_t process) {
  return ::kill(static_cast<pid_t>(process), 0) == 0 || errno == EPERM;
}

// A descriptor that becomes readable when the process ends; -1 where there is none.
int open_handle([[maybe_unused]] std::int64_t process) {
#if defined(__linux__) && defined(SYS_pidfd_open)
  return static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(process), 0));
#else
  return -1;
#endif
}

}  // namespace

ParentWatch::ParentWatch(asio::io_context& io, Scope& background)
    : background_(background), handle_(io) {}

void ParentWatch::watch(std::int64_t process, std::function<void()> gone) {
  if (process <= 1 || !exists(process)) return;
  int const handle = open_handle(process);
  if (handle < 0) {
    background_.spawn("parent watch", look(process, std::move(gone)));
    return;
  }
  handle_.assign(handle);
  handle_.async_wait(asio::posix::descriptor_base::wait_read,
                     [gone = std::move(gone)](boost::system::error_code problem) {
                       if (!problem) gone();
                     });
}

void ParentWatch::stop() {
  boost::system::error_code ignored;
  handle_.close(ignored);
}

awaitable<> ParentWatch::look(std::int64_t process, std::function<void()> gone) {
  while (exists(process)) co_await sleep_for(std::chrono::seconds(2));
  gone();
}

}  // namespace jumpseat
