// The .env grammar, line by line. What is wrong is said with file and line; what stands there is
// not, because a line of such a file is as likely as not a token.
#include "protocol/env_file.h"

#include <unordered_map>
#include <utility>

namespace jumpseat {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_control(char c) {
  auto const byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}
bool starts_key(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
// Dots and hyphens are no shell names, but other programs' files have them, and one file serves
// many.
bool continues_key(char c) {
  return starts_key(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

std::string_view skip_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

// What follows a closing quote: nothing, or a comment after white space.
bool is_trailer(std::string_view text) {
  if (text.empty()) return true;
  if (!is_blank(text.front())) return false;
  text = skip_blanks(text);
  return text.empty() || text.front() == '#';
}

struct Value {
  std::string text;
  std::string_view problem;  // empty: fine
};

Value problem(std::string_view what) { return {{}, what}; }

// `text` starts after the opening quote.
Value single_quoted(std::string_view text) {
  std::size_t const close = text.find('\'');
  if (close == std::string_view::npos) return problem("the closing ' is missing");
  if (!is_trailer(text.substr(close + 1))) return problem("something follows the closing '");
  return {std::string(text.substr(0, close)), {}};
}

Value double_quoted(std::string_view text) {
  Value value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    if (c == '"') {
      if (!is_trailer(text.substr(i + 1))) return problem("something follows the closing \"");
      return value;
    }
    if (c == '\\' && i + 1 < text.size()) {
      char const next = text[i + 1];
      if (next == 'n' || next == '"' || next == '\\') {
        value.text += next == 'n' ? '\n' : next;
        ++i;
        continue;
      }
      // Any other backslash stands for itself: "C:\Users".
    }
    value.text += c;
  }
  return problem("the closing \" is missing");
}

// `text` starts after the '=', so that the white space before a comment can be seen.
Value unquoted(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && !(text[end] == '#' && end > 0 && is_blank(text[end - 1]))) ++end;
  text = skip_blanks(text.substr(0, end));
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return {std::string(text), {}};
}

Value read_value(std::string_view text) {
  std::string_view const start = skip_blanks(text);
  if (start.starts_with('"')) return double_quoted(start.substr(1));
  if (start.starts_with('\'')) return single_quoted(start.substr(1));
  return unquoted(text);
}

}  // namespace

Result<std::vector<EnvEntry>> parse_env_file(std::string_view text, std::string_view name) {
  std::size_t line_number = 0;
  auto const wrong = [&](std::string_view what) {
    return fail(ErrorCode::config_invalid, std::string(name) + ":" + std::to_string(line_number) +
                                               ": " + std::string(what) + ".");
  };
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    line_number = 1;
    return wrong("the file is UTF-16, save it as UTF-8");
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);

  std::vector<EnvEntry> entries;
  std::unordered_map<std::string, std::size_t> places;  // key -> index in entries
  while (!text.empty()) {
    ++line_number;
    std::size_t const end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);

    line = skip_blanks(line);
    if (line.empty() || line.front() == '#') continue;
    for (char const c : line) {
      if (is_control(c)) return wrong("the line holds a control character");
    }

    constexpr std::string_view keyword = "export";
    if (line.starts_with(keyword) && line.size() > keyword.size() &&
        is_blank(line[keyword.size()])) {
      std::string_view const rest = skip_blanks(line.substr(keyword.size()));
      if (!rest.starts_with('=')) line = rest;  // `export = x` sets a key of that name
    }
    std::size_t key_end = 0;
    if (!line.empty() && starts_key(line.front())) {
      while (key_end < line.size() && continues_key(line[key_end])) ++key_end;
    }
    std::string_view const after_key = skip_blanks(line.substr(key_end));
    if (key_end == 0)
      return wrong("expected KEY=value, the key is missing or starts with an odd character");
    if (!after_key.starts_with('='))
      return wrong("expected KEY=value, there is no '=' after the key");

    std::string key(line.substr(0, key_end));
    Value value = read_value(after_key.substr(1));
    if (!value.problem.empty())
      return wrong(std::string(value.problem) + ", in the value of " + key);

    auto const [place, is_new] = places.try_emplace(key, entries.size());
    if (!is_new) {
      entries[place->second].line = 0;  // superseded
      place->second = entries.size();
    }
    entries.push_back({std::move(key), std::move(value.text), line_number});
  }
  std::erase_if(entries, [](EnvEntry const& entry) { return entry.line == 0; });
  return entries;
}

}  // namespace jumpseat
