// The command line: words to a value that says what to do.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "server/cli/commands.h"

namespace jumpseat {

struct Arguments {
  enum class Command {
    stdio,
    serve,
    login,
    logout,
    status,
    models,
    chat,
    config,
    doctor
  } command = Command::stdio;
  std::map<std::string, std::string, std::less<>> settings;  // configuration keys given as options
  std::string env_file;
  std::string log_file;
  bool token_stdin = false;
  bool verbose = false;
  Output output = Output::text;
  LoginOptions login;
  ModelsOptions models;
  ChatOptions chat;
};

// What the command line asks for, or the exit code of a command line that is already answered
// (--help, --version) or wrong; the text is printed then.
struct Parsed {
  std::optional<Arguments> arguments;
  int exit_code = 0;
};
Parsed parse_arguments(int count, char const* const* words);

}  // namespace jumpseat
