// The process that is measured: started with pipes at its standard input and output, pinned if
// wanted, looked at through /proc. Linux only. Whatever goes wrong ends the client with a message;
// no child outlives it.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <sched.h>

namespace bench {

using Nanoseconds = std::int64_t;

// CLOCK_MONOTONIC, the clock of the simulator's stamps.
inline Nanoseconds now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return Nanoseconds{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Seconds since 1970, to find this moment in another program's log.
inline double wall_clock() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

inline double microseconds(Nanoseconds time) { return static_cast<double>(time) / 1e3; }

inline void sleep_ms(long milliseconds) {
  timespec left{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

// The one child that runs; for the signal handler.
inline pid_t running_child = 0;

inline void kill_child() {
  if (running_child > 0) ::kill(running_child, SIGKILL);
}

[[noreturn]] inline void die(std::string const& why) {
  std::fprintf(stderr, "client: %s\n", why.c_str());
  kill_child();
  std::_Exit(1);
}

// The client ends with its child when its time is over or somebody stops it.
inline void end_with_child(int signal) {
  kill_child();
  constexpr char over[] = "client: time is over\n";
  if (signal == SIGALRM) {
    [[maybe_unused]] auto const written = ::write(STDERR_FILENO, over, sizeof over - 1);
  }
  ::_exit(1);
}

// -1 stands for any processor.
inline void run_on(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0)
    die("cannot run on CPU " + std::to_string(cpu));
}

struct Placement {
  int client = -1;
  int server = -1;
};

// Sums over a process, its threads and its descendants.
struct Memory {
  long resident_kb = 0;    // VmRSS
  long share_kb = 0;       // Pss of smaps_rollup; -1 when it may not be read
  long high_water_kb = 0;  // VmHWM
};

// A process and its descendants, looked at through /proc.
class Process {
 public:
  explicit Process(pid_t pid) : pid_(pid) {}

  Memory memory() const {
    Memory sum;
    for (auto const& process : tree()) {
      sum.resident_kb += number(process + "/status", "VmRSS:");
      sum.high_water_kb += number(process + "/status", "VmHWM:");
      auto const share = number(process + "/smaps_rollup", "Pss:");
      sum.share_kb = share < 0 || sum.share_kb < 0 ? -1 : sum.share_kb + share;
    }
    return sum;
  }

  // VmHWM begins anew from what is resident now.
  void forget_high_water() const {
    for (auto const& process : tree()) std::ofstream(process + "/clear_refs") << "5";
  }

  // Time on a processor, in the kernel and out of it.
  Nanoseconds cpu() const {
    Nanoseconds sum = 0;
    for (auto const& thread : threads()) {
      Nanoseconds time = 0;
      std::ifstream(thread + "/schedstat") >> time;
      sum += time;
    }
    return sum;
  }

  // Open files.
  long files() const {
    long sum = 0;
    for (auto const& process : tree()) sum += static_cast<long>(folders(process + "/fd").size());
    return sum;
  }

  // Context switches of both kinds: how often something ran.
  long wake_ups() const {
    long sum = 0;
    for (auto const& thread : threads()) {
      sum += number(thread + "/status", "voluntary_ctxt_switches:") +
             number(thread + "/status", "nonvoluntary_ctxt_switches:");
    }
    return sum;
  }

 protected:
  pid_t pid_;

 private:
  std::vector<std::string> tree() const {
    std::vector<std::string> all{"/proc/" + std::to_string(pid_)};
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (auto const& task : folders(all[i] + "/task")) {
        std::ifstream children(task + "/children");
        for (long child = 0; children >> child;) all.push_back("/proc/" + std::to_string(child));
      }
    }
    return all;
  }

  std::vector<std::string> threads() const {
    std::vector<std::string> all;
    for (auto const& process : tree()) {
      for (auto& task : folders(process + "/task")) all.push_back(std::move(task));
    }
    return all;
  }

  static std::vector<std::string> folders(std::string const& path) {
    std::vector<std::string> all;
    std::error_code ignored;  // a process may end while it is looked at
    for (auto const& entry : std::filesystem::directory_iterator(path, ignored)) {
      all.push_back(entry.path().string());
    }
    return all;
  }

  // The number after `key` at the start of a line; -1 when there is none.
  static long number(std::string const& file, std::string const& key) {
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(key)) return std::strtol(line.c_str() + key.size(), nullptr, 10);
    }
    return -1;
  }
};

class Child : public Process {
 public:
  // Standard error goes to `errors`. `started()` is the moment before the spawn.
  Child(std::vector<std::string> const& command, Placement place, std::string const& errors)
      : Process(-1) {
    int input[2];
    int output[2];
    if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) die("no pipes");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors.c_str(),
                                       O_WRONLY | O_CREAT | O_APPEND, 0600);
    std::vector<char*> words;
    for (auto const& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);

    run_on(place.server);  // the child inherits it
    started_ = now();
    int const problem = ::posix_spawnp(&pid_, words[0], &actions, nullptr, words.data(), environ);
    run_on(place.client);
    if (problem != 0) die("cannot start " + command[0] + ": " + std::strerror(problem));
    running_child = pid_;
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(input[0]);
    ::close(output[1]);
    in_ = input[1];
    out_ = output[0];
  }
  Child(Child const&) = delete;
  Child& operator=(Child const&) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      reap(0);
    }
    close_input();
    ::close(out_);
  }

  int in() const { return in_; }
  int out() const { return out_; }
  Nanoseconds started() const { return started_; }

  void close_input() {
    if (in_ >= 0) ::close(in_);
    in_ = -1;
  }

  // Waits for the end of the process: its moment, or 0 when `limit_ms` went by. Reads and drops
  // what the process still writes.
  Nanoseconds gone(long limit_ms) {
    int const process = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    if (process < 0) die("pidfd_open failed");
    auto const limit = now() + limit_ms * 1'000'000;
    std::vector<char> dropped(65536);
    Nanoseconds end = 0;
    pollfd watched[] = {{process, POLLIN, 0}, {out_, POLLIN, 0}};
    while (end == 0) {
      auto const left = (limit - now()) / 1'000'000;
      if (left <= 0 || ::poll(watched, 2, static_cast<int>(left)) == 0) break;
      if (watched[0].revents != 0) end = now();
      if (watched[1].revents != 0 && ::read(out_, dropped.data(), dropped.size()) <= 0) {
        watched[1].fd = -1;  // closed; the end is near
      }
    }
    ::close(process);
    if (end != 0) reap(0);
    return end;
  }

  // Waits for a program that ends by itself.
  Nanoseconds ended() {
    reap(0);
    return now();
  }

 private:
  bool reap(int options) {
    if (pid_ <= 0) return true;
    int status = 0;
    pid_t done = 0;
    do {
      done = ::waitpid(pid_, &status, options);
    } while (done < 0 && errno == EINTR);
    if (done != pid_) return false;
    pid_ = -1;
    running_child = 0;
    return true;
  }

  int in_ = -1;
  int out_ = -1;
  Nanoseconds started_ = 0;
};

}  // namespace bench
