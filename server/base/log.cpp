#include "server/base/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "protocol/redaction.h"
#include "protocol/scan.h"
#include "protocol/upstream.h"
#include "server/base/clock.h"

namespace jumpseat::log {
namespace {

// One process, one log. The only mutable global of the program.
struct Sink {
  Level level = Level::info;
  Level stderr_level = Level::warning;
  Style style = Style::json;
  int file = -1;
  Listener listener;
  bool telling_listener = false;  // a listener that logs must not hear itself
  Redactor redactor;
};

Sink& sink() {
  static Sink the_sink;
  return the_sink;
}

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    auto const written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // a log that cannot be written must not stop the work
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string plain_line(std::string_view component, std::string_view message, Fields fields) {
  std::string line;
  line.append(component).append(": ").append(message);
  for (auto const& field : fields) {
    line.append(" ").append(field.name).append("=").append(field.value);
  }
  return line;
}

// The code point of a control or bidi character that JSON allows raw and that could drive a
// terminal, with its length in UTF-8; 0 for any other. (quote() escapes C0.)
struct Raw {
  unsigned point = 0;
  std::size_t length = 1;
};
Raw raw_control(std::string_view text) {
  auto const byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  if (byte(0) == 0x7f) return {0x7f, 1};
  if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) < 0xa0) return {byte(1), 2};
  if (byte(0) == 0xd8 && byte(1) == 0x9c) return {0x61c, 2};
  if (byte(0) != 0xe2 || (byte(1) != 0x80 && byte(1) != 0x81)) return {};
  unsigned const point = 0x2000u + ((byte(1) & 0x3fu) << 6) + (byte(2) & 0x3fu);
  bool const drives = point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
                      (point >= 0x2066 && point <= 0x2069);
  return drives ? Raw{point, 3} : Raw{};
}

// A text as a JSON string of the log, with nothing in it that could drive a terminal or forge a
// record.
std::string in_record(std::string_view text) {
  auto const quoted = quote(text);
  std::string out;
  out.reserve(quoted.size());
  for (std::size_t i = 0; i < quoted.size();) {
    auto const raw = raw_control(std::string_view(quoted).substr(i));
    if (raw.point == 0) {
      out += quoted[i++];
      continue;
    }
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\u%04x", raw.point);
    out += escape;
    i += raw.length;
  }
  return out;
}

std::string json_line(Level level, std::string_view component, std::string_view message,
                      Fields fields) {
  std::string line = "{\"time\":";
  line += quote(iso_time(SystemClock().unix_seconds()));
  line.append(",\"level\":").append(quote(name(level)));
  line.append(",\"component\":").append(quote(component));
  line.append(",\"message\":").append(in_record(message));
  for (auto const& field : fields) {
    line.append(",").append(quote(field.name)).append(":").append(in_record(field.value));
  }
  line += "}";
  return line;
}

void record(Level level, std::string_view component, std::string_view message, Fields fields) {
  auto& s = sink();
  bool const to_stderr = level >= s.stderr_level;
  bool const to_rest = level >= s.level && (s.file >= 0 || s.listener);
  if (!to_stderr && !to_rest) return;

  // printable() keeps one record on one line, whatever came from outside.
  auto const plain = printable(s.redactor.redact(plain_line(component, message, fields)), 4096);
  std::string as_json;
  if (s.file >= 0 || (to_stderr && s.style == Style::json)) {
    as_json = s.redactor.redact(json_line(level, component, message, fields)) + "\n";
  }
  if (to_stderr) {
    switch (s.style) {
      case Style::json:
        write_all(STDERR_FILENO, as_json);
        break;
      case Style::human:
        write_all(STDERR_FILENO, (level == Level::error     ? "error: "
                                  : level == Level::warning ? "warning: "
                                                            : "") +
                                     printable(s.redactor.redact(std::string(message)), 4096) +
                                     "\n");
        break;
    }
  }
  if (level < s.level) return;
  if (s.file >= 0) write_all(s.file, as_json);
  if (s.listener && !s.telling_listener) {
    s.telling_listener = true;
    s.listener(level, plain);
    s.telling_listener = false;
  }
}

}  // namespace

void debug(std::string_view component, std::string_view message, Fields fields) {
  record(Level::debug, component, message, fields);
}
void info(std::string_view component, std::string_view message, Fields fields) {
  record(Level::info, component, message, fields);
}
void warning(std::string_view component, std::string_view message, Fields fields) {
  record(Level::warning, component, message, fields);
}
void error(std::string_view component, std::string_view message, Fields fields) {
  record(Level::error, component, message, fields);
}

namespace {

void record_error(Level level, std::string_view component, Error const& problem) {
  if (problem.code() == ErrorCode::cancelled) return;
  std::string code(problem.name());
  if (problem.detail().empty()) {
    record(level, component, problem.message(), {{"code", code}});
  } else {
    record(level, component, problem.message(), {{"code", code}, {"detail", problem.detail()}});
  }
}

}  // namespace

void failure(std::string_view component, Error const& problem) {
  record_error(Level::warning, component, problem);
}

void returned(std::string_view component, Error const& problem) {
  record_error(Level::info, component, problem);
}

void set_level(Level level) { sink().level = level; }
Level level() { return sink().level; }
void set_stderr_level(Level level) { sink().stderr_level = level; }
void set_stderr_style(Style style) { sink().style = style; }
void listen(Listener listener) { sink().listener = std::move(listener); }

Result<void> open_file(std::string const& path) {
  int const opened = ::open(
      path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  struct stat status{};
  if (opened < 0 || ::fstat(opened, &status) != 0 || !S_ISREG(status.st_mode)) {
    std::string why = opened < 0 ? std::strerror(errno) : "not a regular file";
    if (opened >= 0) ::close(opened);
    return fail(ErrorCode::config_invalid, "Cannot open the log file " + printable(path) + ": " +
                                               why +
                                               ". Name a file in a directory that you can write.");
  }
  if (sink().file >= 0) ::close(sink().file);
  sink().file = opened;
  return {};
}

void protect(Secret const& secret, std::string_view kind) { sink().redactor.add(secret, kind); }

std::string safe(Error const& error) {
  return safe(error.url().empty() ? error.message() : error.message() + " " + error.url());
}

std::string safe(std::string_view text) { return printable(sink().redactor.redact(text), 8192); }

std::string_view name(Level level) {
  switch (level) {
    case Level::debug:
      return "DEBUG";
    case Level::info:
      return "INFO";
    case Level::warning:
      return "WARNING";
    case Level::error:
      return "ERROR";
  }
  return "ERROR";
}

}  // namespace jumpseat::log
