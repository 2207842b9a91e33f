// The log: one record is one line, and no secret is in it.

#include "server/base/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "protocol/json.h"
#include "tests/support/captured_output.h"
#include "tests/support/show.h"
#include "tests/support/temp_dir.h"

namespace jumpseat {
namespace {

// A log of our own for one test: to a file and to a listener.
struct Log {
  TempDir directory;
  std::string path = directory / "jumpseat.log";
  std::vector<std::string> heard;

  Log() {
    log::set_level(log::Level::debug);
    log::set_stderr_level(log::Level::error);
    log::listen([this](log::Level, std::string const& text) { heard.push_back(text); });
    REQUIRE(log::open_file(path));
  }
  ~Log() {
    log::listen({});
    log::set_level(log::Level::info);
    log::set_stderr_style(log::Style::json);
    log::set_stderr_level(log::Level::error);
  }
  std::string text() const { return read_file(path); }
  std::vector<json::object> records() const {
    std::vector<json::object> out;
    auto const all = text();
    for (std::size_t begin = 0; begin < all.size();) {
      auto const end = all.find('\n', begin);
      REQUIRE(end != std::string::npos);
      boost::system::error_code problem;
      auto const value = json::parse(all.substr(begin, end - begin), problem);
      INFO(all.substr(begin, end - begin));
      REQUIRE_FALSE(problem.failed());
      out.push_back(value.as_object());
      begin = end + 1;
    }
    return out;
  }
};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST_CASE("a record is one JSON object with time, level, component, message and fields") {
  Log log;
  log::info("auth", "signed in", {{"login", "octocat"}, {"says", "\"hi\""}});
  auto const records = log.records();
  REQUIRE(records.size() == 1);
  auto const& record = records[0];
  CHECK(record.at("level") == "INFO");
  CHECK(record.at("component") == "auth");
  CHECK(record.at("message") == "signed in");
  CHECK(record.at("login") == "octocat");
  CHECK(record.at("says") == "\"hi\"");
  auto const time = std::string(record.at("time").as_string());
  REQUIRE(time.size() == 20);
  CHECK(time[10] == 'T');
  CHECK(time.back() == 'Z');
  CHECK(log.heard == std::vector<std::string>{"auth: signed in login=octocat says=\"hi\""});
}

TEST_CASE("S15: text from outside cannot start a record of its own") {
  Log log;
  std::vector<std::string> const hostile = {"a\nb",
                                            "a\r\nb",
                                            "a\x1b[2Jb",
                                            std::string("a\0b", 3),
                                            "a\x7f",
                                            "a\u2028b\u2029c",
                                            "a\u009bb",
                                            "a\u202eb",
                                            "\xff\xfe",
                                            "\xc3",
                                            "{\"time\":\"x\"}\n{\"level\":\"ERROR\"}"};
  for (auto const& text : hostile) log::warning("net", text, {{"value", text}});
  auto const all = log.text();
  CHECK(static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n')) == hostile.size());
  CHECK(log.records().size() == hostile.size());
  CHECK(log.heard.size() == hostile.size());
  auto shown = log.heard;
  std::string without_ends = all;
  std::erase(without_ends, '\n');
  shown.push_back(without_ends);
  for (auto const& text : shown) {
    CHECK(std::none_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; }));
    for (auto const* control : {"\u2028", "\u2029", "\u009b", "\u202e"})
      CHECK_FALSE(has(text, control));
  }
}

TEST_CASE("S14: secrets are masked wherever they stand in a record") {
  Log log;
  std::string const live = "s3cr3t-\"quoted\"-V4lue-0001";
  log::protect(Secret(live), "test");
  std::string const pattern = "gho_Zm9v8QxT4nB7kLw2Rd6Hs1Yc5Jp3Vg0aUeN7";
  for (auto const& secret : {live, pattern}) {
    log::info("net", "sent " + secret, {{"header", "Authorization: Bearer " + secret}});
    log::failure(
        "net",
        fail(ErrorCode::upstream_failed, "answered with " + secret).with_detail("body: " + secret));
    CHECK_FALSE(has(log::safe("x " + secret + " y"), secret));
  }
  auto const all = log.text();
  CHECK_FALSE(has(all, "V4lue-0001"));
  CHECK_FALSE(has(all, "Zm9v8QxT"));
  CHECK(has(all, "<test:redacted>"));
  REQUIRE(log.records().size() == 4);
  for (auto const& text : log.heard) {
    CHECK_FALSE(has(text, "V4lue-0001"));
    CHECK_FALSE(has(text, "Zm9v8QxT"));
  }
}

TEST_CASE("records below the level are dropped") {
  Log log;
  log::set_level(log::Level::warning);
  log::debug("a", "debug");
  log::info("a", "info");
  log::returned("a", fail(ErrorCode::upstream_failed, "somebody else tells"));
  log::warning("a", "warning");
  CHECK(log.heard == std::vector<std::string>{"a: warning"});
  CHECK(log.records().size() == 1);
}

TEST_CASE("a failure carries its code and its detail; a cancellation is none") {
  Log log;
  log::failure("a", fail(ErrorCode::cancelled, "stopped"));
  log::failure("a", fail(ErrorCode::tls_failed, "No TLS.").with_detail("certificate"));
  auto const records = log.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].at("level") == "WARNING");
  CHECK(records[0].at("message") == "No TLS.");
  CHECK(records[0].at("code") == "tls_failed");
  CHECK(records[0].at("detail") == "certificate");
}

TEST_CASE("a listener that logs does not hear itself") {
  Log log;
  int calls = 0;
  log::listen([&](log::Level, std::string const&) {
    ++calls;
    log::info("listener", "heard something");
  });
  log::info("a", "one");
  CHECK(calls == 1);
  CHECK(log.records().size() == 2);
}

// ---- the file ----

TEST_CASE("the log file is the owner's alone, whatever the umask") {
  TempDir directory;
  auto const before = ::umask(0);
  auto const opened = log::open_file(directory / "log");
  ::umask(before);
  REQUIRE(opened);
  CHECK(mode_of(directory / "log") == 0600);
}

TEST_CASE("the log file is appended to") {
  Log log;
  auto const path = log.directory / "old";
  write_file(path, "before\n");
  REQUIRE(log::open_file(path));
  log::info("a", "after");
  auto const text = read_file(path);
  CHECK(text.starts_with("before\n{"));
  CHECK(log.text().empty());  // the former file gets nothing more
}

TEST_CASE("what is not a plain file of its own is refused as a log file") {
  Log log;
  auto const target = log.directory / "target";
  write_file(target, "precious");
  auto const path = log.directory / "odd";
  SECTION("a symbolic link") { REQUIRE(::symlink(target.c_str(), path.c_str()) == 0); }
  SECTION("a dangling link") { REQUIRE(::symlink("nowhere", path.c_str()) == 0); }
  SECTION("a pipe without reader") { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }
  SECTION("a directory") { REQUIRE(::mkdir(path.c_str(), 0700) == 0); }
  auto const refused = log::open_file(path);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::config_invalid);
  CHECK(has(refused.error().message(), path));
  log::info("a", "still here");  // in the former file
  CHECK(log.records().size() == 1);
  CHECK(read_file(target) == "precious");
  auto const names = log.directory.names();
  CHECK(std::find(names.begin(), names.end(), "nowhere") == names.end());
}

TEST_CASE("a log file in a missing directory is an error that names it") {
  TempDir directory;
  auto const refused = log::open_file(directory / "missing/log");
  REQUIRE_FALSE(refused);
  CHECK(has(refused.error().message(), directory / "missing/log"));
}

// ---- standard error ----

TEST_CASE("people get lines on standard error, programs get JSON") {
  Log log;
  log::set_stderr_level(log::Level::warning);
  CapturedOutput errors(STDERR_FILENO);
  log::info("a", "not for standard error");
  SECTION("people") {
    log::set_stderr_style(log::Style::human);
    log::warning("a", "mind\nthe gap", {{"field", "x"}});
    log::error("a", "no way");
    CHECK(errors.text() == "warning: mind\\nthe gap\nerror: no way\n");
  }
  SECTION("programs") {
    log::warning("a", "mind\nthe gap");
    auto const text = errors.text();
    REQUIRE(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK(json::parse(text).as_object().at("message") == "mind\nthe gap");
  }
}

}  // namespace
}  // namespace jumpseat
