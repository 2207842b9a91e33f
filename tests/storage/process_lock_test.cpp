// One holder at a time, across processes, and none after the holder died.
#include "storage/process_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "tests/support/show.h"
#include "tests/support/temp_dir.h"

using namespace jumpseat;

namespace {

bool is_free(std::string const& path) {
  auto lock = ProcessLock::try_lock(path);
  REQUIRE(lock);
  return lock->has_value();
}

}  // namespace

TEST_CASE("a lock has one holder, and is free when the holder lets go") {
  TempDir directory;
  std::string const path = directory / "refresh.lock";
  {
    auto lock = ProcessLock::try_lock(path);
    REQUIRE(lock);
    REQUIRE(lock->has_value());
    CHECK_FALSE(is_free(path));
    CHECK(is_free(directory / "another.lock"));
  }
  CHECK(is_free(path));
}

TEST_CASE("a lock moves with its owner") {
  TempDir directory;
  std::string const a = directory / "a", b = directory / "b";
  auto lock_a = ProcessLock::try_lock(a);
  auto lock_b = ProcessLock::try_lock(b);
  REQUIRE((lock_a && *lock_a && lock_b && *lock_b));
  ProcessLock moved = std::move(**lock_a);
  CHECK_FALSE(is_free(a));
  moved = std::move(**lock_b);  // lets go of a
  CHECK(is_free(a));
  CHECK_FALSE(is_free(b));
  ProcessLock& same = moved;
  moved = std::move(same);
  CHECK_FALSE(is_free(b));
}

TEST_CASE("C15: the lock of a killed process is free at once") {
  TempDir directory;
  std::string const path = directory / "refresh.lock";
  std::array<int, 2> pipes{};
  REQUIRE(pipe(pipes.data()) == 0);
  pid_t const child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto lock = ProcessLock::try_lock(path);
    char const held = lock && *lock ? 'y' : 'n';
    if (write(pipes[1], &held, 1) != 1) _exit(1);
    while (true) pause();
  }
  char held = 0;
  REQUIRE(read(pipes[0], &held, 1) == 1);
  CHECK(held == 'y');
  CHECK_FALSE(is_free(path));
  kill(child, SIGKILL);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  CHECK(is_free(path));
  close(pipes[0]);
  close(pipes[1]);
}

TEST_CASE("D14: a program that we start does not inherit the lock") {
  TempDir directory;
  std::string const path = directory / "refresh.lock";
  std::array<int, 2> to_child{}, from_child{};
  REQUIRE(pipe2(to_child.data(), O_CLOEXEC) == 0);
  REQUIRE(pipe2(from_child.data(), O_CLOEXEC) == 0);
  pid_t child = -1;
  {
    auto lock = ProcessLock::try_lock(path);
    REQUIRE((lock && *lock));
    child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      dup2(to_child[0], 0);
      dup2(from_child[1], 1);
      // Says that it runs, and runs until its input ends.
      execl("/bin/sh", "sh", "-c", "echo; read line", nullptr);
      _exit(127);
    }
    close(from_child[1]);
    char newline = 0;
    REQUIRE(read(from_child[0], &newline, 1) == 1);
  }
  CHECK(is_free(path));
  close(to_child[0]);
  close(to_child[1]);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  close(from_child[0]);
}

TEST_CASE("S17: the file is 0600, and a link in its place is refused") {
  TempDir directory;
  std::string const path = directory / "refresh.lock";
  mode_t const old_mask = umask(0);
  CHECK(is_free(path));
  umask(old_mask);
  CHECK(mode_of(path) == 0600);

  REQUIRE(symlink(path.c_str(), (directory / "link").c_str()) == 0);
  auto linked = ProcessLock::try_lock(directory / "link");
  REQUIRE_FALSE(linked);
  CHECK(linked.error().code() == ErrorCode::storage_unavailable);
  CHECK_THAT(linked.error().message(), Catch::Contains("link") && Catch::Contains("symbolic"));
}

TEST_CASE("a lock file that cannot be made is an error, not a lock") {
  TempDir directory;
  auto missing = ProcessLock::try_lock(directory / "no/such/refresh.lock");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == ErrorCode::storage_unavailable);
  CHECK_THAT(missing.error().message(), Catch::Contains("No such file"));
  auto taken = ProcessLock::try_lock(directory.path());
  REQUIRE_FALSE(taken);
  REQUIRE(mkfifo((directory / "pipe").c_str(), 0600) == 0);
  auto pipe = ProcessLock::try_lock(directory / "pipe");
  REQUIRE_FALSE(pipe);
  CHECK_THAT(pipe.error().message(), Catch::Contains("not a plain file"));
}
