#include "tests/support/captured_output.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace jumpseat {
namespace {

void flush_buffers() {
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
}

}  // namespace

CapturedOutput::CapturedOutput(int descriptor, Kind kind) : descriptor_(descriptor) {
  flush_buffers();
  saved_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  int writing = -1;
  switch (kind) {
    case Kind::file: {
      writing = ::memfd_create("output", MFD_CLOEXEC);
      // A position of its own, which the writer does not move.
      auto const path = "/proc/self/fd/" + std::to_string(writing);
      reading_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      break;
    }
    case Kind::terminal:
      reading_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
      if (::grantpt(reading_) == 0 && ::unlockpt(reading_) == 0) {
        writing = ::open(::ptsname(reading_), O_RDWR | O_NOCTTY | O_CLOEXEC);
      }
      break;
  }
  if (saved_ < 0 || reading_ < 0 || writing < 0 || ::dup2(writing, descriptor) < 0) {
    throw std::runtime_error("the output cannot be captured");
  }
  ::close(writing);
}

CapturedOutput::~CapturedOutput() {
  flush_buffers();
  ::dup2(saved_, descriptor_);
  ::close(saved_);
  ::close(reading_);
}

std::string CapturedOutput::text() {
  flush_buffers();
  std::array<char, 4096> bytes;
  while (true) {
    auto const count = ::read(reading_, bytes.data(), bytes.size());
    if (count <= 0) return got_;
    got_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace jumpseat
