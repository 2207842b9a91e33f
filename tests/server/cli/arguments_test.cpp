// The command line: what it asks for, and what is said when it is wrong.

#include "server/cli/arguments.h"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/captured_output.h"

namespace jumpseat {
namespace {

using Command = Arguments::Command;

struct Outcome {
  Parsed parsed;
  std::string output;
  std::string errors;
};

Outcome parse(std::vector<char const*> words) {
  words.insert(words.begin(), "jumpseat");
  CapturedOutput output(STDOUT_FILENO);
  CapturedOutput errors(STDERR_FILENO);
  auto parsed = parse_arguments(static_cast<int>(words.size()), words.data());
  return {std::move(parsed), output.text(), errors.text()};
}

Arguments accepted(std::vector<char const*> words) {
  auto outcome = parse(std::move(words));
  INFO(outcome.errors);
  REQUIRE(outcome.parsed.arguments);
  CHECK(outcome.output.empty());
  CHECK(outcome.errors.empty());
  return *outcome.parsed.arguments;
}

// ---- as editors start it ----

TEST_CASE("--stdio is accepted with whatever an editor adds") {
  std::vector<std::vector<char const*>> const lines = {
      {"--stdio"},
      {"--stdio", "--node-ipc", "--clientProcessId=42"},
      {"--inspect=9229", "--stdio", "--unknown", "value"},
      {"--stdio", "stray", "--", "-x", ""},
      {"language-server.js", "--stdio", "true"},
      {"--stdio", "--log-level"},
  };
  for (auto const& line : lines) {
    CAPTURE(line.size(), line.front());
    CHECK(accepted(line).command == Command::stdio);
  }
}

TEST_CASE("--stdio still takes the log's and the env file's options") {
  auto const separate = accepted(
      {"--stdio", "--log-file", "/var/log/x", "--log-level", "DEBUG", "--env-file", "/etc/env"});
  CHECK(separate.log_file == "/var/log/x");
  CHECK(separate.env_file == "/etc/env");
  CHECK(separate.settings.find("LOG_LEVEL")->second == "DEBUG");
  auto const joined =
      accepted({"--log-level=ERROR", "--log-file=a=b", "--stdio", "--env-file=/etc/env"});
  CHECK(joined.log_file == "a=b");
  CHECK(joined.env_file == "/etc/env");
  CHECK(joined.settings.find("LOG_LEVEL")->second == "ERROR");
}

// ---- as people type it ----

TEST_CASE("each command is understood") {
  CHECK(accepted({"login"}).command == Command::login);
  CHECK(accepted({"logout"}).command == Command::logout);
  CHECK(accepted({"status"}).command == Command::status);
  CHECK(accepted({"models"}).command == Command::models);
  CHECK(accepted({"chat"}).command == Command::chat);
  CHECK(accepted({"config"}).command == Command::config);
  CHECK(accepted({"doctor"}).command == Command::doctor);
}

TEST_CASE("options reach their command") {
  CHECK(accepted({"login"}).login.existing == LoginOptions::Existing::keep);
  CHECK(accepted({"login", "--again"}).login.existing == LoginOptions::Existing::replace);
  CHECK(accepted({"status"}).output == Output::text);
  CHECK(accepted({"status", "--json"}).output == Output::json);
  CHECK(accepted({"models"}).models.source == ModelsOptions::Source::cached);
  auto const models = accepted({"models", "--json", "--refresh"});
  CHECK(models.models.output == Output::json);
  CHECK(models.models.source == ModelsOptions::Source::fresh);
  auto const chat = accepted({"chat", "-m", "gpt-4.1", "why is the sky blue?", "--json"});
  CHECK(chat.chat.model == "gpt-4.1");
  CHECK(chat.chat.prompt == "why is the sky blue?");
  CHECK(chat.chat.output == Output::json);
}

TEST_CASE("general options stand before or after the command") {
  for (auto const& line : std::vector<std::vector<char const*>>{
           {"--env-file", "e", "-v", "--log-level", "DEBUG", "--token-stdin", "status"},
           {"status", "--env-file", "e", "-v", "--log-level", "DEBUG", "--token-stdin"}}) {
    auto const arguments = accepted(line);
    CHECK(arguments.command == Command::status);
    CHECK(arguments.env_file == "e");
    CHECK(arguments.verbose);
    CHECK(arguments.token_stdin);
    CHECK(arguments.settings.find("LOG_LEVEL")->second == "DEBUG");
  }
}

TEST_CASE("a wrong command line is exit code 2, told on standard error") {
  std::vector<std::vector<char const*>> const lines = {
      {},
      {"no-such-command"},
      {"--no-such-option"},
      {"login", "--no-such-option"},
      {"status", "extra"},
      {"login", "status"},
      {"chat", "--model"},
      {"chat", "two", "questions"},
      {"logout", "--json"},
      {"login", "--again", "--existing"},
      {"--env-file"},
  };
  for (auto const& line : lines) {
    std::string words;
    for (auto const* word : line) words.append(word).append(" ");
    CAPTURE(words);
    auto const outcome = parse(line);
    CHECK_FALSE(outcome.parsed.arguments);
    CHECK(outcome.parsed.exit_code == 2);
    CHECK(outcome.output.empty());
    CHECK_FALSE(outcome.errors.empty());
  }
}

TEST_CASE("--help and --version answer on standard output with exit code 0") {
  for (auto const& line : std::vector<std::vector<char const*>>{
           {"--help"}, {"-h"}, {"--version"}, {"--stdio", "--version"}, {"chat", "--help"}}) {
    CAPTURE(line.front());
    auto const outcome = parse(line);
    CHECK_FALSE(outcome.parsed.arguments);
    CHECK(outcome.parsed.exit_code == 0);
    CHECK_FALSE(outcome.output.empty());
    CHECK(outcome.errors.empty());
  }
  auto const version = parse({"--version"}).output;
  CHECK(version.starts_with("jumpseat "));
  CHECK(std::count(version.begin(), version.end(), '\n') == 1);
}

}  // namespace
}  // namespace jumpseat
