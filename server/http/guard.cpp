#include "server/http/guard.h"

#include <algorithm>
#include <utility>

namespace jumpseat {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// `b` is in lower case.
bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == y; });
}

}  // namespace

std::string_view RequestFacts::shown_key() const {
  constexpr std::string_view scheme = "bearer ";
  if (!authorization) return api_key.value_or(std::string_view());
  if (authorization->size() <= scheme.size() ||
      !same(authorization->substr(0, scheme.size()), scheme)) {
    return {};
  }
  return authorization->substr(scheme.size());
}

Guard::Guard(std::uint16_t port, Reach reach, ClientKey key, std::vector<std::string> origins)
    : port_suffix_(":" + std::to_string(port)),
      port_(port),
      reach_(reach),
      key_(key),
      origins_(std::move(origins)) {}

bool Guard::allows(std::optional<std::string_view> origin) const {
  return origin && std::find(origins_.begin(), origins_.end(), *origin) != origins_.end();
}

bool Guard::names_us(std::string_view host) const {
  if (reach_ == Reach::remote) return !host.empty();
  // A browser leaves the default port of http out; nobody else may.
  if (host.ends_with(port_suffix_)) {
    host.remove_suffix(port_suffix_.size());
  } else if (port_ != 80) {
    return false;
  }
  return same(host, "localhost") || host == "127.0.0.1" || host == "[::1]";
}

std::optional<Error> Guard::judge_key(RequestFacts const& facts) const {
  auto const shown = facts.shown_key();
  // No key and a wrong key take the same way.
  if (key_.matches(shown)) return std::nullopt;
  return fail(ErrorCode::invalid_api_key,
              shown.empty()
                  ? "A client key is needed: send `Authorization: Bearer KEY` with the value of "
                    "JUMPSEAT_API_KEY."
                  : "The client key is not the one that JUMPSEAT_API_KEY sets.");
}

std::optional<Error> Guard::refusal(RequestFacts const& facts, Access access) const {
  if (!facts.host || !names_us(*facts.host)) {
    return fail(ErrorCode::client_refused,
                "The Host header does not name this port. Use http://localhost" + port_suffix_ +
                    " or http://127.0.0.1" + port_suffix_ + ".");
  }
  bool const welcome = allows(facts.origin);
  if (!welcome && (facts.origin || (facts.fetch_site && !same(*facts.fetch_site, "none")))) {
    return fail(ErrorCode::client_refused,
                "Web pages may not use this port. Call it from a program, or from the server side "
                "of the page; or name the page's origin in JUMPSEAT_ALLOWED_ORIGINS.");
  }
  if (welcome && facts.kind == RequestFacts::Kind::preflight) return std::nullopt;
  if (access == Access::key && key_.required()) return judge_key(facts);
  return std::nullopt;
}

bool is_json_type(std::string_view content_type) {
  auto type = content_type.substr(0, std::min(content_type.find(';'), content_type.size()));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return same(type, "application/json");
}

}  // namespace jumpseat
