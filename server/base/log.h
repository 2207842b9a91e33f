// The log: one record per line, JSON, to standard error or a file, and to whoever listens (the
// stdio front end passes records on as window/logMessage). Every record goes through the redactor
// on its way out; payloads (prompts, answers) are never logged.
//
//   log::info("auth", "signed in", {{"login", login}});
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "protocol/secret.h"

namespace jumpseat::log {

enum class Level { debug, info, warning, error };

struct Field {
  std::string_view name;
  std::string value;
};
using Fields = std::initializer_list<Field>;

void debug(std::string_view component, std::string_view message, Fields fields = {});
void info(std::string_view component, std::string_view message, Fields fields = {});
void warning(std::string_view component, std::string_view message, Fields fields = {});
void error(std::string_view component, std::string_view message, Fields fields = {});
// A failure that nobody else will tell: a warning. The error's detail goes along.
void failure(std::string_view component, Error const& error);
// A failure that goes to the caller as well, who tells the person: for the record only.
void returned(std::string_view component, Error const& error);

// ---- set up once, by the program ----

// Records below `level` are dropped before they are built.
void set_level(Level level);
Level level();
// What goes to standard error. Default: warning and up.
void set_stderr_level(Level level);
// People at a terminal get "warning: …" lines, programs get JSON.
enum class Style { json, human };
void set_stderr_style(Style style);
// Appends to a file, created 0600, not followed through a symlink. Fails with config_invalid.
Result<void> open_file(std::string const& path);
// Gets the level and the redacted text of every record at or above level(). One listener.
using Listener = std::function<void(Level, std::string const& text)>;
void listen(Listener listener);

// Registers a live secret with the redactor. Whoever receives a token calls this first.
void protect(Secret const& secret, std::string_view kind);
// A text as it may be shown: secrets masked, control characters escaped.
std::string safe(std::string_view text);
// An error as one text for the person: what, and GitHub's page that tells more.
std::string safe(Error const& error);

std::string_view name(Level level);  // "DEBUG", …

}  // namespace jumpseat::log
