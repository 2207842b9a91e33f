// The program: what must be true before anything else happens, then the command that was asked for.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <array>
#include <climits>
#include <string>
#include <utility>

#include "server/app.h"
#include "server/auth/keyring_child.h"
#include "server/base/exit_code.h"
#include "server/base/freed_memory.h"
#include "server/base/log.h"
#include "server/cli/arguments.h"

namespace jumpseat {
namespace {

// Tokens live in this process: no core file, no other process of the same user looks into it, no
// file is ever wider than its owner.
void harden() {
  ::umask(077);
  rlimit const none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
  ::prctl(PR_SET_DUMPABLE, 0);
#endif
  // A reader that closes its pipe is an error to handle, not a reason to die.
  ::signal(SIGPIPE, SIG_IGN);
  // So is a file-size limit, for the log and the database.
  ::signal(SIGXFSZ, SIG_IGN);
}

void set_up_memory() {
#ifdef __GLIBC__
  ::mallopt(M_ARENA_MAX, 1);
#endif
  give_freed_memory_back();
}

// All of standard input, when it is a pipe, a socket (Node's pipes are sockets) or a file; a
// terminal or /dev/null gives nothing.
std::string read_piped_input() {
  struct stat status{};
  if (::fstat(STDIN_FILENO, &status) != 0 ||
      !(S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode)))
    return {};
  std::string text;
  std::array<char, 65536> piece;
  while (true) {
    auto const count = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

std::string working_directory() {
  std::array<char, PATH_MAX> path;
  return ::getcwd(path.data(), path.size()) == nullptr ? std::string() : std::string(path.data());
}

int run(int count, char** words) {
  harden();
  if (keyring_child::asked_for(count, words)) return keyring_child::run(count, words);
  set_up_memory();
  auto parsed = parse_arguments(count, words);
  if (!parsed.arguments) return parsed.exit_code;
  auto& arguments = *parsed.arguments;
  bool const stdio = arguments.command == Arguments::Command::stdio;

  int output = -1;
  if (stdio) {
    // Standard output belongs to the protocol: from here on a stray print lands on standard error.
    output = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    // Some editors take anything on standard error for a failed start; warnings go to the session's
    // log.
    log::set_stderr_level(log::Level::error);
  } else {
    log::set_stderr_style(log::Style::human);
    if (arguments.verbose) log::set_stderr_level(log::Level::debug);
  }

  ConfigSources sources;
  sources.environment = process_environment();
  sources.command_line = arguments.settings;
  sources.env_file = arguments.env_file;
  // An editor starts us in the directory of a repository: its files decide nothing.
  if (!stdio) sources.directory = working_directory();
  auto paths = find_paths(sources.environment);
  sources.user_file = paths.config_file;
  auto loaded = load_config(sources);
  log::set_level(arguments.verbose ? log::Level::debug : loaded.config.log_level);
  if (!arguments.log_file.empty()) {
    if (auto opened = log::open_file(arguments.log_file); !opened)
      log::failure("log", opened.error());
  }

  if (stdio) {
    App app(std::move(loaded), std::move(paths));
    return app.run_stdio(STDIN_FILENO, output);
  }

  Terminal terminal(sources.environment);
  using Command = Arguments::Command;
  if (arguments.command == Command::config)
    return run_config(loaded, paths, terminal, arguments.output);
  if (arguments.command != Command::doctor) {
    for (auto const& warning : loaded.warnings) log::warning("config", warning);
    for (auto const& problem : loaded.problems) report(terminal, problem);
    if (!loaded.problems.empty()) return exit_code::configuration;
  }
  if (arguments.token_stdin) {
    Origin origin;
    origin.kind = Origin::Kind::command_line;
    ExplicitToken token{"--token-stdin", Secret(read_piped_input()), origin};
    log::protect(token.value, "github-token");
    loaded.config.tokens.insert(loaded.config.tokens.begin(), std::move(token));
  } else if (arguments.command == Command::chat) {
    arguments.chat.piped = read_piped_input();
  }

  App app(std::move(loaded), std::move(paths));
  if (arguments.command == Command::serve) return app.run_serve(terminal);
  return app.run([&](App& running) -> awaitable<int> {
    auto const services = running.services();
    switch (arguments.command) {
      case Command::login:
        return run_login(services, terminal, arguments.login);
      case Command::logout:
        return run_logout(services, terminal);
      case Command::status:
        return run_status(services, terminal, arguments.output);
      case Command::models:
        return run_models(services, terminal, arguments.models);
      case Command::chat:
        return run_chat(services, terminal, arguments.chat);
      case Command::doctor:
      case Command::config:
      case Command::stdio:
      case Command::serve:
        break;
    }
    return run_doctor(services, terminal);
  });
}

}  // namespace
}  // namespace jumpseat

int main(int count, char** words) { return jumpseat::run(count, words); }
