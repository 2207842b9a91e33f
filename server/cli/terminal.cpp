#include "server/cli/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace jumpseat {
namespace {

// Columns that a UTF-8 text takes, near enough for names: one per character.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
  }));
}

}  // namespace

Terminal::Terminal(Environment const& environment) : interactive_(::isatty(STDOUT_FILENO) == 1) {
  lines_change_ =
      interactive_ && lookup(environment, "TERM") != std::optional<std::string_view>("dumb");
  // NO_COLOR: no-color.org.
  auto const no_colour = lookup(environment, "NO_COLOR");
  colours_ = lines_change_ && (!no_colour || no_colour->empty());
}

void Terminal::write(int descriptor, std::string_view text) {
  while (!text.empty()) {
    auto const count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) {
      if (descriptor == STDOUT_FILENO) closed_ = true;
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Terminal::print(std::string_view text) {
  clear_status();
  write(STDOUT_FILENO, text);
}

void Terminal::line(std::string_view text) { print(std::string(text) + "\n"); }

void Terminal::error_line(std::string_view text) {
  clear_status();
  write(STDERR_FILENO, std::string(text) + "\n");
}

void Terminal::status(std::string_view text) {
  if (!lines_change_) return;
  // Back to the first column, and erase to the end of the line (ECMA-48 EL).
  write(STDOUT_FILENO, "\r" + std::string(text) + "\x1b[K");
  status_shown_ = true;
}

void Terminal::clear_status() {
  if (!status_shown_) return;
  write(STDOUT_FILENO, "\r\x1b[K");
  status_shown_ = false;
}

std::string Terminal::styled(std::string_view code, std::string_view text) const {
  if (!colours_) return std::string(text);
  std::string out = "\x1b[";
  out.append(code).append("m").append(text).append("\x1b[0m");
  return out;
}

std::string Terminal::bold(std::string_view text) const { return styled("1", text); }
std::string Terminal::green(std::string_view text) const { return styled("32", text); }
std::string Terminal::red(std::string_view text) const { return styled("31", text); }
std::string Terminal::dim(std::string_view text) const { return styled("2", text); }

std::string Terminal::foreign(std::string_view text) const {
  if (!interactive_) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f) continue;
    // C1 controls are C2 80 to C2 9F in UTF-8.
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      ++i;
      continue;
    }
    out += text[i];
  }
  return out;
}

std::string table(std::vector<std::vector<std::string>> const& rows) {
  std::vector<std::size_t> widths;
  for (auto const& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (auto const& row : rows) {
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width(row[i]) + 2, ' ');
    }
    while (text.ends_with(' ')) text.pop_back();
    out += text + "\n";
  }
  return out;
}

}  // namespace jumpseat
