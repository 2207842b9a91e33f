// Small files with a secret: what is read, what is refused and why, and that a write is whole.
#include "storage/private_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include <catch2/catch.hpp>

#include "tests/support/show.h"
#include "tests/support/temp_dir.h"

using namespace jumpseat;

namespace {

std::string read(std::string const& path, std::size_t most = 100) {
  auto text = read_private_file(path, most);
  if (!text) return "failed: " + text.error().message();
  return *text ? std::string((*text)->reveal()) : "none";
}

}  // namespace

TEST_CASE("a private file is read as it is, none is no failure") {
  TempDir directory;
  CHECK(read(directory / "none") == "none");
  CHECK(read(directory / "none/below") == "none");
  write_file(directory / "empty", "");
  CHECK(read(directory / "empty").empty());
  write_file(directory / "text", "gho_\n");
  CHECK(read(directory / "text") == "gho_\n");
  write_file(directory / "full", std::string(100, 'x'));
  CHECK(read(directory / "full").size() == 100);
  write_file(directory / "file", "");
  CHECK(read(directory / "file/below") == "none");
}

TEST_CASE("S17: what is no plain file of ours is refused at once, with the reason") {
  TempDir directory;
  write_file(directory / "large", std::string(101, 'x'));
  CHECK_THAT(read(directory / "large"), Catch::Contains("more than 100 bytes"));
  REQUIRE(mkfifo((directory / "fifo").c_str(), 0600) == 0);
  CHECK(read(directory / "fifo") == "failed: it is not a plain file");
  CHECK(read(directory.path()) == "failed: it is not a plain file");
  write_file(directory / "target", "x");
  REQUIRE(symlink((directory / "target").c_str(), (directory / "link").c_str()) == 0);
  CHECK(read(directory / "link") == "failed: it is a symbolic link");
  write_file(directory / "open", "x");
  REQUIRE(chmod((directory / "open").c_str(), 0666) == 0);
  CHECK_THAT(read(directory / "open"), Catch::Contains("chmod o-w"));
  REQUIRE(chmod((directory / "open").c_str(), 0644) == 0);
  CHECK(read(directory / "open") == "x");
  // Endless, and of no size.
  CHECK(read("/dev/zero") == "failed: it is not a plain file");
  if (geteuid() == 0) {
    write_file(directory / "theirs", "x");
    REQUIRE(chown((directory / "theirs").c_str(), 65534, 65534) == 0);
    CHECK(read(directory / "theirs") == "failed: it belongs to another user");
  }
}

TEST_CASE("a private file is 0600 in a 0700 directory, whatever the umask and the old mode") {
  TempDir directory;
  mode_t const old_mask = umask(0);
  auto const path = directory / "a/b/token";
  REQUIRE(write_private_file(path, Secret("one")));
  umask(0777);
  REQUIRE(write_private_file(path, Secret("two")));
  umask(old_mask);
  CHECK(read(path) == "two");
  CHECK(mode_of(path) == 0600);
  CHECK(mode_of(directory / "a") == 0700);
  CHECK(mode_of(directory / "a/b") == 0700);
  REQUIRE(chmod(path.c_str(), 0644) == 0);
  REQUIRE(write_private_file(path, Secret("two")));  // the same text, for others to read
  CHECK(mode_of(path) == 0600);
  REQUIRE(remove_private_file(path));
  REQUIRE(remove_private_file(path));
  CHECK(mode_of(path) == -1);
}

TEST_CASE("what is written already is not written again") {
  TempDir directory;
  auto const path = directory / "token";
  REQUIRE(write_private_file(path, Secret("one")));
  struct stat before{};
  struct stat after{};
  REQUIRE(stat(path.c_str(), &before) == 0);
  REQUIRE(write_private_file(path, Secret("one")));
  REQUIRE(stat(path.c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  REQUIRE(write_private_file(path, Secret("one more")));
  CHECK(read(path) == "one more");
  CHECK(directory.names() == std::vector<std::string>{"token"});  // nothing half written is left
}

TEST_CASE("a write does not go through a link, and a failure leaves the old file") {
  TempDir directory;
  write_file(directory / "target", "mine");
  REQUIRE(symlink((directory / "target").c_str(), (directory / "link").c_str()) == 0);
  auto refused = write_private_file(directory / "link", Secret("x"));
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message(), Catch::Contains("symbolic link"));
  CHECK(read_file(directory / "target") == "mine");
  auto below = write_private_file(directory / "target/token", Secret("x"));
  REQUIRE_FALSE(below);
  CHECK_THAT(below.error().message(), Catch::Contains(directory / "target/token"));
  CHECK_FALSE(write_private_file(directory.path(), Secret("x")));
}
