#include "protocol/cache_control.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

namespace jumpseat {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

}  // namespace

CacheControl read_cache_control(std::string_view header) {
  CacheControl out;
  while (!header.empty()) {
    auto const comma = header.find(',');
    auto const directive = trim(header.substr(0, comma));
    header.remove_prefix(comma == std::string_view::npos ? header.size() : comma + 1);
    auto const equals = directive.find('=');
    auto const name = lower(trim(directive.substr(0, equals)));
    if (name == "no-store") out.no_store = true;
    if (name == "no-cache") out.no_cache = true;
    if (name != "max-age") continue;
    auto value = equals == std::string_view::npos ? "" : trim(directive.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    std::int64_t seconds = 0;
    auto const [stop, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    bool const whole = !value.empty() && stop == value.data() + value.size();
    if (error == std::errc::result_out_of_range && whole && value.front() != '-') {
      seconds = std::numeric_limits<std::int64_t>::max();
    } else if (error != std::errc() || !whole || seconds <= 0) {
      out.no_cache = true;
      continue;
    }
    out.max_age = std::min(seconds, out.max_age.value_or(seconds));
  }
  return out;
}

}  // namespace jumpseat
