// flock() on a file of its own. The file stays when the lock is released: deleting it would let two
// processes hold "the" lock, one on the old file and one on the new.
#include "storage/process_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace jumpseat {
namespace {

Error cannot_lock(std::string const& path, std::string const& reason) {
  return fail(ErrorCode::storage_unavailable,
              "The lock file " + path + " cannot be used: " + reason + ".");
}

}  // namespace

Result<std::optional<ProcessLock>> ProcessLock::try_lock(std::string const& path) {
  // A second round is needed only if somebody deleted the file between open() and flock().
  for (int round = 0; round < 3; ++round) {
    int const descriptor =
        ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (descriptor < 0) {
      if (errno == ELOOP) return cannot_lock(path, "it is a symbolic link, delete it");
      return cannot_lock(path, std::strerror(errno));
    }
    ProcessLock lock(descriptor);
    struct stat held{};
    if (fstat(descriptor, &held) != 0) return cannot_lock(path, std::strerror(errno));
    if (!S_ISREG(held.st_mode)) return cannot_lock(path, "it is not a plain file");
    if (held.st_uid != geteuid()) return cannot_lock(path, "it belongs to another user");

    int result = 0;
    do result = flock(descriptor, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    if (result != 0) {
      if (errno == EWOULDBLOCK) return std::optional<ProcessLock>();
      return cannot_lock(path, std::strerror(errno));
    }
    struct stat named{};
    if (lstat(path.c_str(), &named) == 0 && named.st_dev == held.st_dev &&
        named.st_ino == held.st_ino)
      return std::optional<ProcessLock>(std::move(lock));
  }
  return cannot_lock(path, "it keeps being replaced");
}

ProcessLock::ProcessLock(ProcessLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

ProcessLock& ProcessLock::operator=(ProcessLock&& other) noexcept {
  if (this != &other) {
    ProcessLock const old(std::move(*this));  // released at the end of this block
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

ProcessLock::~ProcessLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace jumpseat
