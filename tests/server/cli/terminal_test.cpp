// Terminal: what a person's screen gets, and what a file gets.

#include "server/cli/terminal.h"

#include <unistd.h>

#include <string>

#include <catch2/catch.hpp>

#include "tests/support/captured_output.h"

namespace jumpseat {
namespace {

using Kind = CapturedOutput::Kind;

TEST_CASE("S15: text from outside cannot drive a terminal") {
  CapturedOutput screen(STDOUT_FILENO, Kind::terminal);
  Terminal const terminal(Environment{{"TERM", "xterm"}});
  REQUIRE(terminal.interactive());
  CHECK(terminal.foreign("plain text\n\twith tabs\n") == "plain text\n\twith tabs\n");
  CHECK(terminal.foreign("a\x1b[31mred\x1b[0m") == "a[31mred[0m");
  CHECK(terminal.foreign("a\x1b]0;title\x07z") == "a]0;titlez");
  CHECK(terminal.foreign("over\rwrite\b\b") == "overwrite");
  CHECK(terminal.foreign(std::string("nul\0del\x7f.", 9)) == "nuldel.");
  CHECK(terminal.foreign("c1 \u009b31m \u0085 \u0080\u009f.") == "c1 31m  .");
  CHECK(terminal.foreign("na\u00efve \u00a0 \u4f60\u597d \U0001f600") ==
        "na\u00efve \u00a0 \u4f60\u597d \U0001f600");
}

TEST_CASE("text from outside goes to a file as it is") {
  CapturedOutput file(STDOUT_FILENO);
  Terminal const terminal(Environment{{"TERM", "xterm"}});
  REQUIRE_FALSE(terminal.interactive());
  CHECK(terminal.foreign("a\x1b[31m\r\n\u009b") == "a\x1b[31m\r\n\u009b");
}

TEST_CASE("colours are for terminals that have them") {
  SECTION("a terminal") {
    CapturedOutput screen(STDOUT_FILENO, Kind::terminal);
    CHECK(Terminal(Environment{{"TERM", "xterm"}}).bold("x") == "\x1b[1mx\x1b[0m");
    CHECK(Terminal(Environment{{"TERM", "xterm"}, {"NO_COLOR", ""}}).red("x") ==
          "\x1b[31mx\x1b[0m");
    CHECK(Terminal(Environment{{"TERM", "xterm"}, {"NO_COLOR", "1"}}).bold("x") == "x");
    CHECK(Terminal(Environment{{"TERM", "dumb"}}).green("x") == "x");
  }
  SECTION("a file") {
    CapturedOutput file(STDOUT_FILENO);
    CHECK(Terminal(Environment{{"TERM", "xterm"}}).dim("x") == "x");
  }
}

TEST_CASE("the status line is for people, and gone before anything else is printed") {
  SECTION("a terminal") {
    CapturedOutput screen(STDOUT_FILENO, Kind::terminal);
    Terminal terminal(Environment{{"TERM", "xterm"}});
    terminal.status("2 s");
    terminal.status("1 s");
    terminal.line("done");
    terminal.line("really");
    CHECK(screen.text() == "\r2 s\x1b[K\r1 s\x1b[K\r\x1b[Kdone\r\nreally\r\n");
  }
  SECTION("a file") {
    CapturedOutput file(STDOUT_FILENO);
    Terminal terminal(Environment{{"TERM", "xterm"}});
    terminal.status("2 s");
    terminal.line("done");
    terminal.line();
    CHECK(file.text() == "done\n\n");
  }
}

TEST_CASE("errors go to standard error") {
  CapturedOutput output(STDOUT_FILENO);
  CapturedOutput errors(STDERR_FILENO);
  Terminal terminal(Environment{});
  terminal.error_line("error: no");
  terminal.print("text");
  CHECK(errors.text() == "error: no\n");
  CHECK(output.text() == "text");
}

TEST_CASE("a table's columns are aligned, by characters and not by bytes") {
  CHECK(table({{"MODEL", "NAME", "NOTE"}, {"gpt-4.1", "GPT", ""}, {"x", "\u00e9t\u00e9", "new"}}) ==
        "MODEL    NAME  NOTE\n"
        "gpt-4.1  GPT\n"
        "x        \u00e9t\u00e9   new\n");
  CHECK(table({}).empty());
  CHECK(table({{"A", "B"}, {"only one"}, {"1", "2"}}) ==
        "A         B\n"
        "only one\n"
        "1         2\n");
}

}  // namespace
}  // namespace jumpseat
