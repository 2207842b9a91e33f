#include "server/cli/arguments.h"

#include <string_view>

#include <CLI/CLI.hpp>

#include "server/base/exit_code.h"
#include "server/base/version.h"

namespace jumpseat {
namespace {

// Editors add flags of their own to `--stdio`; they are passed over, and nothing is parsed that
// could fail.
std::optional<Arguments> parse_stdio(int count, char const* const* words) {
  bool stdio = false;
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    std::string_view const word = words[i];
    auto value_of = [&](std::string_view option) -> std::optional<std::string> {
      if (word == option && i + 1 < count) return std::string(words[i + 1]);
      if (word.starts_with(option) && word.size() > option.size() && word[option.size()] == '=') {
        return std::string(word.substr(option.size() + 1));
      }
      return std::nullopt;
    };
    if (word == "--stdio") stdio = true;
    if (auto file = value_of("--log-file")) arguments.log_file = *file;
    if (auto file = value_of("--env-file")) arguments.env_file = *file;
    if (auto level = value_of("--log-level")) arguments.settings["LOG_LEVEL"] = *level;
    if (auto name = value_of("--account")) arguments.settings["JUMPSEAT_ACCOUNT"] = *name;
    for (auto const* option : {"--host", "--github-host"})
      if (auto host = value_of(option)) arguments.settings["GH_HOST"] = *host;
    if (word == "--version" || word == "--help" || word == "-h") return std::nullopt;
  }
  if (!stdio) return std::nullopt;
  arguments.command = Arguments::Command::stdio;
  return arguments;
}

}  // namespace

Parsed parse_arguments(int count, char const* const* words) {
  Parsed parsed;
  if (auto stdio = parse_stdio(count, words)) {
    parsed.arguments = std::move(stdio);
    return parsed;
  }

  Arguments arguments;
  CLI::App app("GitHub Copilot's models for every editor and tool.", "jumpseat");
  app.set_version_flag("--version", std::string("jumpseat ") + version);
  app.fallthrough();
  app.footer(
      "Editors start `jumpseat --stdio` (JSON-RPC on standard input and output);\n"
      "`jumpseat serve` opens an OpenAI-compatible port for everything else.\n"
      "Exit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 sign-in, 5 network or Copilot, 6 "
      "limit or quota.");

  bool stdio = false;
  app.add_flag("--stdio", stdio, "serve JSON-RPC on standard input and output");
  app.add_option("--env-file", arguments.env_file,
                 "read settings from this file instead of .github.env and .env");
  app.add_option("--log-file", arguments.log_file, "append the log to this file");
  app.add_option_function<std::string>(
      "--log-level", [&](std::string const& level) { arguments.settings["LOG_LEVEL"] = level; },
      "DEBUG, INFO, WARNING or ERROR");
  app.add_option_function<std::string>(
      "--account", [&](std::string const& name) { arguments.settings["JUMPSEAT_ACCOUNT"] = name; },
      "the saved sign-in of this name (JUMPSEAT_ACCOUNT)");
  app.add_option_function<std::string>(
      "--github-host,--host",
      [&](std::string const& host) { arguments.settings["GH_HOST"] = host; },
      "github.com or TENANT.ghe.com (GH_HOST)");
  app.add_flag("--token-stdin", arguments.token_stdin, "read a GitHub token from standard input");
  app.add_flag("-v,--verbose", arguments.verbose, "show the log on standard error");
  bool json = false;

  using Command = Arguments::Command;
  auto command = [&](char const* name, char const* help, Command value) {
    auto* sub = app.add_subcommand(name, help);
    sub->callback([&arguments, value] { arguments.command = value; });
    return sub;
  };
  auto* serve = command("serve", "open the OpenAI-compatible HTTP port", Command::serve);
  auto const setting = [&](char const* option, char const* key, char const* help) {
    serve->add_option_function<std::string>(
        option, [&arguments, key](std::string const& value) { arguments.settings[key] = value; },
        help);
  };
  setting("--port", "PORT", "port; 0 takes a free one (default: PORT, 8080)");
  setting("--host", "HOST", "address to listen at (default: HOST, localhost)");
  serve->add_flag_callback(
      "--allow-remote", [&] { arguments.settings["JUMPSEAT_ALLOW_REMOTE"] = "true"; },
      "let HOST be an address that other machines reach; needs JUMPSEAT_API_KEY");
  bool again = false;
  bool existing = false;
  auto* login = command("login", "sign in to GitHub with a code", Command::login);
  login->add_flag("--again", again, "sign in anew although somebody is signed in");
  login->add_flag("--existing", existing, "use a sign-in of another program, ask for no code")
      ->excludes("--again");
  login->add_flag("--json", json, "print one JSON event per line");
  command("logout", "forget the saved sign-in", Command::logout);
  command("status", "who is signed in, and what is left of the quota", Command::status)
      ->add_flag("--json", json, "print JSON");
  bool fresh = false;
  auto* models = command("models", "the models of the account", Command::models);
  models->add_flag("--json", json, "print JSON");
  models->add_flag("--refresh", fresh, "ask GitHub now");
  auto* chat = command("chat", "ask a question; a text piped in is added to it", Command::chat);
  chat->add_option("question", arguments.chat.prompt, "the question");
  chat->add_option("-m,--model", arguments.chat.model, "model (default: GITHUB_COPILOT_MODEL)");
  chat->add_flag("--json", json, "print the whole answer as JSON");
  command("config", "every setting and where it comes from", Command::config)
      ->add_flag("--json", json, "print JSON");
  command("doctor", "find out what does not work", Command::doctor);
  app.require_subcommand(0, 1);

  try {
    app.parse(count, words);
    if (app.get_subcommands().empty()) {
      std::fputs(app.help().c_str(), stderr);
      parsed.exit_code = exit_code::usage;
      return parsed;
    }
  } catch (CLI::ParseError const& problem) {
    // CLI11 prints; its many exit codes become ours.
    parsed.exit_code = app.exit(problem) == 0 ? exit_code::ok : exit_code::usage;
    return parsed;
  }
  arguments.output = json ? Output::json : Output::text;
  arguments.models.output = arguments.output;
  arguments.chat.output = arguments.output;
  arguments.models.source = fresh ? ModelsOptions::Source::fresh : ModelsOptions::Source::cached;
  arguments.login.existing = again      ? LoginOptions::Existing::replace
                             : existing ? LoginOptions::Existing::borrow
                                        : LoginOptions::Existing::keep;
  arguments.login.output = arguments.output;
  parsed.arguments = std::move(arguments);
  return parsed;
}

}  // namespace jumpseat
