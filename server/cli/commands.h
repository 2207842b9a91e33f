// The commands that a person types. Each returns its exit code (server/base/exit_code.h) and prints
// what it did; an error goes to standard error with what to do about it.
#pragma once

#include <optional>
#include <string>

#include "protocol/result.h"
#include "server/base/asio.h"
#include "server/base/event.h"
#include "server/base/http_port.h"
#include "server/cli/services.h"
#include "server/cli/terminal.h"

namespace jumpseat {

enum class Output { text, json };

struct LoginOptions {
  LoginOptions() = default;
  // What to do with a sign-in that is there: keep it; sign in anew; use those of other programs
  // although somebody has signed out here, and ask for no code.
  enum class Existing { keep, replace, borrow } existing = Existing::keep;
  Output output = Output::text;
};
// Shows the code and the page, counts down, goes on through a lost connection. As JSON: one event
// per line, {"event":"code"|"signedIn"|"alreadySignedIn"|"failed",…}, docs/command-line.md.
awaitable<int> run_login(Services services, Terminal& terminal, LoginOptions options);
awaitable<int> run_logout(Services services, Terminal& terminal);
// Who is signed in, from where, why not otherwise, and what is left of the quota.
awaitable<int> run_status(Services services, Terminal& terminal, Output output);

struct ModelsOptions {
  ModelsOptions() = default;
  Output output = Output::text;
  enum class Source { cached, fresh } source = Source::cached;
};
awaitable<int> run_models(Services services, Terminal& terminal, ModelsOptions options);

struct ChatOptions {
  ChatOptions() = default;
  std::string prompt;  // empty: all of standard input
  std::string piped;   // what standard input held, if it is a pipe or a file
  std::string model;   // empty: the configured one
  Output output = Output::text;
};
awaitable<int> run_chat(Services services, Terminal& terminal, ChatOptions options);

// Opens the port and serves until `stopped` is notified; at a terminal, a line for each request.
awaitable<int> run_serve(Services services, Terminal& terminal, HttpPort& port, Event& stopped);

// Every effective value with its origin. Needs no loop.
int run_config(LoadedConfig const& loaded, Paths const& paths, Terminal& terminal, Output output);

// Walks configuration, storage, network and TLS, sign-in, exchange, models, one token of chat;
// stops at the first step that fails and says what to do.
awaitable<int> run_doctor(Services services, Terminal& terminal);

// The exit code that an error stands for.
int exit_code_of(Error const& error);
// "error: …" with GitHub's page, if any, on standard error.
int report(Terminal& terminal, Error const& error);

}  // namespace jumpseat
