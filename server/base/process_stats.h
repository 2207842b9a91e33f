// What this process uses, as the kernel counts it: for GET /metrics. Linux alone tells; elsewhere
// nothing is known.
#pragma once

#include <cstdint>
#include <optional>

namespace jumpseat {

struct ProcessStats {
  ProcessStats() = default;
  double cpu_seconds = 0;           // user and system
  std::int64_t resident_bytes = 0;  // RSS
  std::int64_t virtual_bytes = 0;
  std::int64_t threads = 0;
  std::int64_t open_files = 0;
  std::int64_t max_files = 0;  // the soft limit
  double started_at = 0;       // Unix seconds
};

// A few reads of /proc (proc(5)); nothing where it is not there or not readable.
std::optional<ProcessStats> process_stats();

}  // namespace jumpseat
