// Plain POSIX calls: the descriptor that was judged is the one that is read.
#include "storage/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace jumpseat {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  bool open() const { return number_ >= 0; }

 private:
  int number_;
};

Error unusable(std::string reason) {
  return fail(ErrorCode::storage_unavailable, std::move(reason));
}

Error cannot_write(std::string const& path, std::string const& reason) {
  return unusable("The file " + path + " cannot be written: " + reason + ".");
}

// mkdir -p, each new directory 0700. 0 or errno.
int make_directories(std::string const& directory) {
  for (std::size_t end = directory.find('/', 1);; end = directory.find('/', end + 1)) {
    std::string const part = directory.substr(0, end);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      int const error = errno;
      struct stat found{};
      if (::stat(part.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) return error;
    }
    if (end == std::string::npos) return 0;
  }
}

// 0 or errno.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    auto const count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return ::fsync(descriptor) == 0 ? 0 : errno;
}

}  // namespace

Result<std::optional<Secret>> read_private_file(std::string const& path, std::size_t most) {
  Descriptor const file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.open()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<Secret>();
    if (errno == ELOOP) return unusable("it is a symbolic link");
    return unusable(std::strerror(errno));
  }
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return unusable(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return unusable("it is not a plain file");
  if (status.st_uid != ::geteuid()) return unusable("it belongs to another user");
  if ((status.st_mode & S_IWOTH) != 0)
    return unusable("every user of this machine can write it; repair it with: chmod o-w " + path);

  std::string const too_large =
      "it has more than " + std::to_string(most) + " bytes, no sign-in is that long";
  if (static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0)) > most)
    return unusable(too_large);
  std::string text;
  text.reserve(most + 1);  // one block: nothing is left behind by growing
  std::array<char, 4096> piece;
  while (text.size() <= most) {
    auto const count =
        ::read(file.number(), piece.data(), std::min(piece.size(), most + 1 - text.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      int const error = errno;
      wipe(text);
      return unusable(std::strerror(error));
    }
    if (count == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
  ::explicit_bzero(piece.data(), piece.size());
  bool const fits = text.size() <= most;
  Secret secret(std::move(text));
  if (!fits) return unusable(too_large);
  return std::optional<Secret>(std::move(secret));
}

Result<void> write_private_file(std::string const& path, Secret const& content) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) == 0) {
    if (S_ISLNK(there.st_mode)) return cannot_write(path, "it is a symbolic link");
    if (!S_ISREG(there.st_mode)) return cannot_write(path, "it is not a plain file");
    if (there.st_uid != ::geteuid()) return cannot_write(path, "it belongs to another user");
    auto old = read_private_file(path, content.size() + 1);
    if (old && *old && **old == content && (there.st_mode & 077) == 0) return {};
  }
  std::string const directory = path.substr(0, path.rfind('/'));
  if (int const error = make_directories(directory); error != 0)
    return cannot_write(path, std::strerror(error));

  std::string partial = path + ".XXXXXX";
  Descriptor const file(::mkostemp(partial.data(), O_CLOEXEC));  // 0600
  if (!file.open()) return cannot_write(path, std::strerror(errno));
  // The umask may have taken bits away.
  int error = ::fchmod(file.number(), 0600) == 0 ? 0 : errno;
  if (error == 0) error = write_all(file.number(), content.reveal());
  if (error == 0 && ::rename(partial.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(partial.c_str());
    return cannot_write(path, std::strerror(error));
  }
  return {};
}

Result<void> remove_private_file(std::string const& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
  return unusable("The file " + path + " cannot be deleted: " + std::strerror(errno) + ".");
}

}  // namespace jumpseat
