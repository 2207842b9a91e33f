// URLs and where credentials may go. parse_url() is strict on purpose: what it accepts, curl reads
// in exactly the same way. The policy is exact: a host equals an entry of a list or it is refused;
// nothing is matched by prefix or suffix (quality row S8).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace jumpseat {

// An absolute http or https URL without userinfo and fragment.
struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; an IPv6 literal keeps its brackets
  std::uint16_t port = 0;
  std::string target;  // path and query, starts with "/"

  std::string text() const;       // the default port is left out
  std::string authority() const;  // host[:port]
  std::string origin() const;     // scheme://host[:port]
  bool same_origin(Url const& other) const;
  // `route` ("/models") below this base, whose own target is "/" or a path without a slash at its
  // end. Judged as parse_url() judges a target.
  Result<Url> below(std::string_view route) const;
  bool loopback_literal() const;  // 127.0.0.0/8 in dotted decimal, or [::1]
  friend bool operator==(Url const&, Url const&) = default;
};

// Refuses (config_invalid, with the cause): another scheme, userinfo, fragment, empty or odd host
// (percent signs, underscores are odd; so are a trailing dot, non-ASCII, a zone, a number that is
// not dotted decimal), a bad port, white space, control characters, backslashes.
Result<Url> parse_url(std::string_view text);

// The services of one issuer of sign-ins: GitHub, a GitHub Enterprise Cloud tenant, or a simulator
// on a loopback literal. Built only by the functions below, so that a value of this type is a
// judged one.
struct Issuer {
  std::string origin;             // "https://github.com": sign-ins are stored under this
  Url device_code;                // POST
  Url access_token;               // POST
  Url exchange;                   // GET …/copilot_internal/v2/token
  Url user;                       // GET …/copilot_internal/user
  std::string verification_page;  // the only page a person is sent to: origin + "/login/device"
  std::string default_api;        // where Copilot is when no reply says so

  bool simulated() const;  // plain http on loopback
  // As other programs name it in their files: "github.com", "acme.ghe.com", "127.0.0.1:8123".
  std::string host() const;
  // May a credential of this issuer travel to `url`? https, port 443 and a host on the issuer's
  // exact list; for a simulator: its own origin, nothing else.
  bool trusts(Url const& url) const;
  // The same for a learnt API base ("https://api.individual.githubcopilot.com"). Fails with
  // host_refused, naming the host.
  Result<Url> judge_api(std::string_view base) const;
};

// From GITHUB_COPILOT_ENDPOINT: https://api.github.com or https://api.<tenant>.ghe.com, trailing
// slash fine; anything else is config_invalid with the cause.
Result<Issuer> issuer_for_endpoint(std::string_view endpoint);
// From one setting (GH_HOST, --host, an editor's github-enterprise.uri): "github.com",
// "acme.ghe.com", with https:// before it and a slash after it or without. config_invalid with the
// cause for anything else; a GitHub Enterprise Server has no Copilot service to talk to.
Result<Issuer> issuer_for_host(std::string_view host);
// From LiteLLM's three URLs. Each is either GitHub's own for `base`, or all three lie on one
// loopback literal over plain http. Empty ones keep `base`'s.
Result<Issuer> issuer_with_urls(Issuer const& base, std::string_view device_code_url,
                                std::string_view access_token_url, std::string_view api_key_url);

// Percent-encoding for form bodies (application/x-www-form-urlencoded) and queries.
std::string form_encode(std::string_view text);
std::string form_decode(std::string_view text);

}  // namespace jumpseat
