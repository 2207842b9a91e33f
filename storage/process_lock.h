// A lock between processes that the kernel releases when its holder dies: flock on a file of its
// own. Never blocks; whoever wants to wait tries again later.
#pragma once

#include <optional>
#include <string>

#include "protocol/result.h"

namespace jumpseat {

class ProcessLock {
 public:
  // Nothing: someone else holds it. Fails with storage_unavailable when the file cannot be made.
  // The file is 0600, never a symlink, closed on exec.
  static Result<std::optional<ProcessLock>> try_lock(std::string const& path);
  ProcessLock(ProcessLock&& other) noexcept;
  ProcessLock& operator=(ProcessLock&& other) noexcept;
  ~ProcessLock();

 private:
  explicit ProcessLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace jumpseat
