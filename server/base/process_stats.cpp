#include "server/base/process_stats.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include <dirent.h>

namespace jumpseat {
namespace {

std::string read_file(char const* path) {
  int const file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::string text;
  std::array<char, 4096> piece;
  while (true) {
    auto const count = ::read(file, piece.data(), piece.size());
    if (count <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
  ::close(file);
  return text;
}

// The word at `place`, counted from 0, as a number.
std::int64_t number_at(std::string_view words, std::size_t place) {
  for (; place > 0; --place) {
    auto const space = words.find(' ');
    if (space == std::string_view::npos) return 0;
    words.remove_prefix(space + 1);
  }
  std::int64_t value = 0;
  std::from_chars(words.data(), words.data() + words.size(), value);
  return value;
}

std::int64_t open_files() {
  auto* const folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  std::int64_t count = 0;
  while (auto const* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(folder);
  return count - 1;  // the folder itself
}

// Unix seconds.
std::int64_t boot_time() {
  auto const text = read_file("/proc/stat");
  constexpr std::string_view name = "\nbtime ";
  auto const found = text.find(name);
  return found == std::string::npos
             ? 0
             : number_at(std::string_view(text).substr(found + name.size()), 0);
}

}  // namespace

std::optional<ProcessStats> process_stats() {
  auto const text = read_file("/proc/self/stat");
  // The second field is the program's name in brackets and may hold anything, brackets as well.
  auto const end = text.rfind(") ");
  if (end == std::string::npos) return std::nullopt;
  // Fields are counted from 1 in proc(5); these words begin with the third.
  auto const words = std::string_view(text).substr(end + 2);
  constexpr auto word = [](std::size_t field) { return field - 3; };
  auto const ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));

  ProcessStats stats;
  stats.cpu_seconds =
      static_cast<double>(number_at(words, word(14)) + number_at(words, word(15))) / ticks;
  stats.threads = number_at(words, word(20));
  stats.started_at =
      static_cast<double>(boot_time()) + static_cast<double>(number_at(words, word(22))) / ticks;
  stats.virtual_bytes = number_at(words, word(23));
  stats.resident_bytes = number_at(words, word(24)) * ::sysconf(_SC_PAGESIZE);
  stats.open_files = open_files();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    stats.max_files = static_cast<std::int64_t>(limit.rlim_cur);
  return stats;
}

}  // namespace jumpseat
