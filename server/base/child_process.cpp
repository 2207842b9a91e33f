// posix_spawn(3): no code of ours runs between fork and exec. Every descriptor but the three
// standard ones is closed in the child, although ours are all closed on exec.
#include "server/base/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "server/base/deadline.h"

namespace jumpseat {
namespace {

constexpr std::size_t most_input = 4096;

using Pipe = asio::posix::basic_stream_descriptor<Executor>;

Error failed(std::string reason) { return fail(ErrorCode::internal, std::move(reason)); }

// The process and its group; both end with this object.
class Child {
 public:
  explicit Child(pid_t id) : id_(id) {}
  Child(Child const&) = delete;
  Child& operator=(Child const&) = delete;
  ~Child() {
    if (id_ <= 0) return;
    ::kill(-id_, SIGKILL);
    ::kill(id_, SIGKILL);  // should it not have reached its own group yet
    while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  // The exit code once it has ended.
  std::optional<int> ended() {
    int status = 0;
    if (::waitpid(id_, &status, WNOHANG) != id_) return std::nullopt;
    ::kill(-id_, SIGKILL);  // what it may have left running
    id_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t id_;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// The child's id, or errno as a negative number.
pid_t start(ChildCommand& command, int input, int output) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  if (input >= 0) {
    ::posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  ::posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
#ifdef __GLIBC__
  ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
#endif
  sigset_t all;
  sigset_t none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);

  std::vector<std::string> words{command.program};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  auto argv = pointers(words);
  auto envp = pointers(command.environment);
  pid_t id = 0;
  int const error =
      ::posix_spawn(&id, command.program.c_str(), &files, &attributes, argv.data(), envp.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  return error == 0 ? id : -error;
}

// The reading end of a pipe that holds `text` already, which is far less than a pipe takes; or -1.
int pipe_with(Secret const& text) {
  std::array<int, 2> ends{-1, -1};
  if (text.size() > most_input || ::pipe2(ends.data(), O_CLOEXEC) != 0) return -1;
  auto const bytes = text.reveal();
  bool const whole =
      ::write(ends[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  ::close(ends[1]);
  if (whole) return ends[0];
  ::close(ends[0]);
  return -1;
}

// Everything until the end, or until there is more than `most`.
awaitable<std::string> read_all(Pipe& pipe, std::size_t most) {
  std::string text;
  text.reserve(most + 1);
  std::array<char, 1024> piece;
  while (text.size() <= most) {
    auto const [problem, count] =
        co_await pipe.async_read_some(asio::buffer(piece), asio::as_tuple(use_awaitable));
    if (problem) break;
    text.append(piece.data(), std::min(count, most + 1 - text.size()));
  }
  ::explicit_bzero(piece.data(), piece.size());
  co_return text;
}

awaitable<int> wait_for_exit(Child& child) {
  while (true) {
    if (auto code = child.ended()) co_return *code;
    co_await sleep_for(std::chrono::milliseconds(5));
  }
}

awaitable<Result<ChildOutput>> talk(Child& child, Pipe& pipe, std::size_t most) {
  auto text = co_await read_all(pipe, most);
  ChildOutput result;
  bool const fits = text.size() <= most;
  result.output = Secret(std::move(text));
  if (!fits) co_return failed("it said more than " + std::to_string(most) + " bytes");
  result.exit_code = co_await wait_for_exit(child);
  co_return std::move(result);
}

}  // namespace

awaitable<Result<ChildOutput>> ask_program(ChildCommand command) {
  auto const executor = co_await asio::this_coro::executor;
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) co_return failed(std::strerror(errno));
  Pipe pipe(executor, ends[0]);
  bool const has_input = !command.input.empty();
  int const input = has_input ? pipe_with(command.input) : -1;
  pid_t id = -EPIPE;
  if (!has_input || input >= 0) id = start(command, input, ends[1]);
  ::close(ends[1]);
  if (input >= 0) ::close(input);
  if (id < 0) co_return failed("it cannot be started: " + std::string(std::strerror(-id)));
  Child child(id);
  auto answer = co_await with_deadline(talk(child, pipe, command.most_output), command.limit);
  if (!answer) {
    co_return failed("it did not answer within " + std::to_string(command.limit.count() / 1000) +
                     " s and was stopped");
  }
  co_return std::move(*answer);
}

}  // namespace jumpseat
