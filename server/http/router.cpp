#include "server/http/router.h"

#include <utility>

namespace jumpseat {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Percent escapes resolved (RFC 3986 2.1); an escape that is none stays as it is.
std::string unescape_percent(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

Router::Match Router::find(HttpMethod method, std::string_view path) const {
  constexpr std::string_view version = "/v1";
  if (path.starts_with("/v1/")) path.remove_prefix(version.size());
  if (method == HttpMethod::head) method = HttpMethod::get;

  Match match;
  for (auto const& route : routes_) {
    auto const brace = route.path.find('{');
    if (brace == std::string_view::npos) {
      if (path != route.path) continue;
    } else {
      if (!path.starts_with(route.path.substr(0, brace)) || path.size() == brace) continue;
    }
    if (route.method == method) {
      match.route = &route;
      if (brace != std::string_view::npos) match.parameter = unescape_percent(path.substr(brace));
      return match;
    }
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += route.method == HttpMethod::post ? "POST" : "GET, HEAD";
  }
  if (!match.allow.empty()) match.allow += ", OPTIONS";
  return match;
}

}  // namespace jumpseat
