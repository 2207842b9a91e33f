// The strict URL reader and the list of hosts that may see a credential. See url.h for the
// promises; the order of the checks below is the order in which curl looks at a URL, so that a text
// which two readers could split in two ways never gets past the first of them.
#include "protocol/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace jumpseat {
namespace {

constexpr std::size_t max_url = 4096;

// The C locale's answers, whatever the process's locale is.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

Error refused(std::string_view cause) {
  // The text itself stays out of the message: it may hold a password.
  return fail(ErrorCode::config_invalid, "This is not a usable URL: " + std::string(cause) + ".");
}

// The characters of a path or query by RFC 3986 (pchar, "/" and "?"); "%" is checked apart.
constexpr std::array<bool, 256> target_characters = [] {
  std::array<bool, 256> table{};
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = true;
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (char c : std::string_view("-._~!$&'()*+,;=:@/?%"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_target_char(char c) { return target_characters[static_cast<unsigned char>(c)]; }

// Four numbers of 0 to 255 without leading zeros, the only spelling that every reader takes alike.
bool is_dotted_decimal(std::string_view host) {
  int parts = 0;
  while (true) {
    std::size_t const dot = host.find('.');
    std::string_view const part = host.substr(0, dot);
    if (part.empty() || part.size() > 3 || (part.size() > 1 && part.front() == '0')) return false;
    int value = 0;
    for (char const c : part) {
      if (!is_digit(c)) return false;
      value = value * 10 + (c - '0');
    }
    if (value > 255) return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    host.remove_prefix(dot + 1);
  }
}

// Readers that follow inet_aton() take a last label such as "1", "0x7f" or "017" for a number.
bool ends_in_a_number(std::string_view host) {
  std::string_view const last = host.substr(host.rfind('.') + 1);  // npos + 1 is 0
  if (std::all_of(last.begin(), last.end(), is_digit)) return true;
  if (last.size() < 2 || last[0] != '0' || lower(last[1]) != 'x') return false;
  return std::all_of(last.begin() + 2, last.end(), is_hex);
}

std::string_view name_problem(std::string_view host) {
  if (host.empty()) return "the host is missing";
  if (host.size() > 253) return "the host name is too long";
  if (host.back() == '.') return "the host name ends with a dot";
  std::size_t label = 0;
  for (std::size_t i = 0; i <= host.size(); ++i) {
    if (i < host.size() && host[i] != '.') {
      if (!is_alpha(host[i]) && !is_digit(host[i]) && host[i] != '-')
        return "the host name holds a character that is not a letter, a digit, '-' or '.'";
      continue;
    }
    if (i == label) return "the host name has an empty part";
    if (i - label > 63) return "a part of the host name is longer than 63 characters";
    if (host[label] == '-' || host[i - 1] == '-')
      return "a part of the host name starts or ends with '-'";
    label = i + 1;
  }
  if (ends_in_a_number(host) && !is_dotted_decimal(host))
    return "the host is a number, but not a plain dotted-decimal address";
  return {};
}

// "[…]" in its canonical spelling (RFC 5952), or nothing.
std::optional<std::string> canonical_ipv6(std::string_view brackets) {
  std::string const address(brackets.substr(1, brackets.size() - 2));
  // No zone ("%eth0"), and no NUL that would end the text early for inet_pton().
  if (address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos) return {};
  in6_addr binary{};
  if (inet_pton(AF_INET6, address.c_str(), &binary) != 1) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(AF_INET6, &binary, text.data(), text.size()) == nullptr) return {};
  return "[" + std::string(text.data()) + "]";
}

// A path with "." or ".." parts is rewritten by some readers and sent as it is by others.
bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    std::string_view const segment = path.substr(0, path.find('/'));
    std::string plain;
    for (std::size_t i = 0; i < segment.size(); ++i) {
      if (segment[i] == '%' && segment.substr(i + 1, 1) == "2" && lower(segment[i + 2]) == 'e') {
        plain += '.';
        i += 2;
      } else {
        plain += segment[i];
      }
      if (plain.size() > 2) break;
    }
    if (plain == "." || plain == "..") return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

std::string_view target_problem(std::string_view target) {
  bool dots = false;  // perhaps; most targets have none, and need no second look
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (!is_target_char(target[i])) return "the path holds a character that must be escaped";
    dots = dots || target[i] == '.' || target[i] == '%';
    if (target[i] != '%') continue;
    if (i + 2 >= target.size() || !is_hex(target[i + 1]) || !is_hex(target[i + 2]))
      return "'%' in the path is not followed by two hex digits";
  }
  if (dots && has_dot_segment(target.substr(0, target.find('?'))))
    return "the path holds '.' or '..' as a part";
  return {};
}

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

// ---- The hosts of each issuer ----

constexpr std::string_view github_origin = "https://github.com";

// Everything of GitHub's own service that takes a GitHub or a Copilot token from us.
constexpr std::array<std::string_view, 10> github_hosts = {
    "github.com",
    "api.github.com",
    "api.githubcopilot.com",
    "api.individual.githubcopilot.com",
    "api.business.githubcopilot.com",
    "api.enterprise.githubcopilot.com",
    "proxy.individual.githubcopilot.com",
    "proxy.business.githubcopilot.com",
    "proxy.enterprise.githubcopilot.com",
    "copilot-proxy.githubusercontent.com",
};

constexpr std::string_view tenant_suffix = ".ghe.com";

// "acme" of "acme.ghe.com"; nothing when `host` is not exactly one label before the suffix.
std::optional<std::string_view> tenant_of(std::string_view host) {
  if (!host.ends_with(tenant_suffix)) return {};
  std::string_view const tenant = host.substr(0, host.size() - tenant_suffix.size());
  if (tenant.empty() || tenant.find('.') != std::string_view::npos) return {};
  // These are services of the site itself, and a tenant of that name would shadow them.
  if (tenant == "api" || tenant == "copilot-api" || tenant == "www") return {};
  return tenant;
}

Url https_url(std::string host, std::string target) {
  return Url{"https", std::move(host), 443, std::move(target)};
}

constexpr std::string_view device_code_path = "/login/device/code";
constexpr std::string_view access_token_path = "/login/oauth/access_token";
constexpr std::string_view verification_path = "/login/device";
constexpr std::string_view exchange_path = "/copilot_internal/v2/token";
constexpr std::string_view user_path = "/copilot_internal/user";

Issuer https_issuer(std::string const& site, std::string const& rest, std::string const& api) {
  Issuer issuer;
  issuer.origin = "https://" + site;
  issuer.device_code = https_url(site, std::string(device_code_path));
  issuer.access_token = https_url(site, std::string(access_token_path));
  issuer.exchange = https_url(rest, std::string(exchange_path));
  issuer.user = https_url(rest, std::string(user_path));
  issuer.verification_page = issuer.origin + std::string(verification_path);
  issuer.default_api = "https://" + api;
  return issuer;
}

// One of the three configured URLs.
struct Configured {
  std::string_view key;
  std::string_view text;
  Url url;         // what counts
  bool simulated;  // lies on a loopback literal
};

}  // namespace

std::string Url::text() const { return origin() + target; }

std::string Url::authority() const {
  return port == default_port(scheme) ? host : host + ":" + std::to_string(port);
}

std::string Url::origin() const { return scheme + "://" + authority(); }

bool Url::same_origin(Url const& other) const {
  return port == other.port && host == other.host && scheme == other.scheme;
}

Result<Url> Url::below(std::string_view route) const {
  std::string_view const base = target == "/" ? std::string_view() : target;
  if (base.size() + route.size() > max_url) return refused("it is longer than 4096 characters");
  if (auto problem = target_problem(route); !problem.empty()) return refused(problem);
  Url url{scheme, host, port, {}};
  url.target.reserve(base.size() + route.size());
  url.target.append(base).append(route);
  return url;
}

bool Url::loopback_literal() const {
  return host == "[::1]" || (host.starts_with("127.") && is_dotted_decimal(host));
}

Result<Url> parse_url(std::string_view text) {
  if (text.empty()) return refused("it is empty");
  if (text.size() > max_url) return refused("it is longer than 4096 characters");
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f) return refused("it holds white space or a control character");
    if (byte > 0x7f) return refused("it holds a character outside ASCII");
    if (c == '\\') return refused("it holds a backslash");
    if (c == '#') return refused("it holds a fragment ('#')");
  }

  Url url;
  std::size_t const colon = text.find("://");
  if (colon == std::string_view::npos) return refused("it does not start with https:// or http://");
  url.scheme = lower(text.substr(0, colon));
  if (url.scheme != "https" && url.scheme != "http")
    return refused("it does not start with https:// or http://");
  url.port = default_port(url.scheme);
  text.remove_prefix(colon + 3);

  std::size_t const end = text.find_first_of("/?");
  std::string_view authority = text.substr(0, end);
  if (end != std::string_view::npos) url.target = text.substr(end);
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, 1, '/');
  if (authority.find('@') != std::string_view::npos)
    return refused("it carries a user name or a password");

  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    std::size_t const close = authority.find(']');
    if (close == std::string_view::npos) return refused("the host's ']' is missing");
    auto host = canonical_ipv6(authority.substr(0, close + 1));
    if (!host) return refused("the host is not an IPv6 address");
    url.host = std::move(*host);
    authority.remove_prefix(close + 1);
    if (!authority.empty() && authority.front() != ':')
      return refused("something other than a port follows the host");
    has_port = !authority.empty();
    if (has_port) port = authority.substr(1);
  } else {
    std::size_t const port_colon = authority.find(':');
    has_port = port_colon != std::string_view::npos;
    if (has_port) port = authority.substr(port_colon + 1);
    url.host = lower(authority.substr(0, port_colon));
    if (auto problem = name_problem(url.host); !problem.empty()) return refused(problem);
  }

  if (has_port) {
    std::uint16_t number = 0;
    auto const read = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty() || port.front() == '0' || read.ec != std::errc() ||
        read.ptr != port.data() + port.size())
      return refused("the port is not a number from 1 to 65535");
    url.port = number;
  }

  if (auto problem = target_problem(url.target); !problem.empty()) return refused(problem);
  return url;
}

bool Issuer::simulated() const { return origin.starts_with("http://"); }

std::string Issuer::host() const { return origin.substr(origin.find("://") + 3); }

bool Issuer::trusts(Url const& url) const {
  if (simulated()) return url.loopback_literal() && url.origin() == origin;
  if (url.scheme != "https" || url.port != 443) return false;
  if (origin == github_origin)
    return std::find(github_hosts.begin(), github_hosts.end(), url.host) != github_hosts.end();
  // A tenant: https://acme.ghe.com and its two services.
  std::string_view const site =
      std::string_view(origin).substr(std::string_view("https://").size());
  return tenant_of(site) && (url.host == site || url.host == "api." + std::string(site) ||
                             url.host == "copilot-api." + std::string(site));
}

Result<Url> Issuer::judge_api(std::string_view base) const {
  auto url = parse_url(base);
  if (!url) {
    return fail(
        ErrorCode::host_refused,
        "The Copilot API address was refused, nothing was sent to it. " + url.error().message());
  }
  if (!trusts(*url)) {
    return fail(ErrorCode::host_refused,
                "The Copilot API address " + url->origin() +
                    " was refused, nothing was sent to it: " +
                    "it is not one of the hosts that may see a sign-in of " + origin + ".");
  }
  if (url->target != "/") {
    return fail(ErrorCode::host_refused, "The Copilot API address on " + url->origin() +
                                             " was refused: it has to be a bare address, without "
                                             "a path or a query.");
  }
  return url;
}

Result<Issuer> issuer_for_endpoint(std::string_view endpoint) {
  auto url = parse_url(endpoint);
  if (!url) return url.error();
  if (url->scheme != "https") return refused("tokens travel over https:// only");
  if (url->port != 443) return refused("GitHub's API is on port 443 only");
  if (url->target != "/") return refused("it has to be a bare address, without a path or a query");
  if (url->host == "api.github.com")
    return https_issuer("github.com", "api.github.com", "api.githubcopilot.com");

  constexpr std::string_view api = "api.";
  if (url->host.starts_with(api)) {
    std::string const site = url->host.substr(api.size());
    if (tenant_of(site)) return https_issuer(site, url->host, "copilot-api." + site);
  }
  return refused("the host " + url->host +
                 " is neither api.github.com nor api.<tenant>.ghe.com, and a token is sent nowhere "
                 "else");
}

Result<Issuer> issuer_for_host(std::string_view host) {
  std::string text(host);
  if (text.find("://") == std::string::npos) text.insert(0, "https://");
  auto url = parse_url(text);
  if (!url) return url.error();
  if (url->scheme != "https") return refused("tokens travel over https:// only");
  if (url->port != 443) return refused("GitHub is on port 443 only");
  if (url->target != "/") return refused("it has to be a bare host, without a path or a query");
  std::string const site = url->host;
  if (site == "github.com" || site == "api.github.com")
    return https_issuer("github.com", "api.github.com", "api.githubcopilot.com");
  if (tenant_of(site)) return https_issuer(site, "api." + site, "copilot-api." + site);
  return refused("the host " + site +
                 " is neither github.com nor <tenant>.ghe.com. GitHub Enterprise Server has no "
                 "Copilot service; a token is sent nowhere else");
}

Result<Issuer> issuer_with_urls(Issuer const& base, std::string_view device_code_url,
                                std::string_view access_token_url, std::string_view api_key_url) {
  std::array<Configured, 3> urls = {{
      {"GITHUB_COPILOT_DEVICE_CODE_URL", device_code_url, base.device_code, false},
      {"GITHUB_COPILOT_ACCESS_TOKEN_URL", access_token_url, base.access_token, false},
      {"GITHUB_COPILOT_API_KEY_URL", api_key_url, base.exchange, false},
  }};
  Configured const* simulated = nullptr;
  for (Configured& each : urls) {
    if (!each.text.empty()) {
      auto url = parse_url(each.text);
      if (!url) return std::move(url).error().within(each.key);
      bool const loopback = url->scheme == "http" && url->loopback_literal();
      if (!loopback && *url != each.url) {
        return refused(url->origin() + " is neither GitHub's own address (" + each.url.text() +
                       ") nor plain http on a loopback address such as http://127.0.0.1:8123")
            .within(each.key);
      }
      each.url = std::move(*url);
    }
    each.simulated = each.url.scheme == "http";
    if (each.simulated && simulated == nullptr) simulated = &each;
  }
  if (simulated == nullptr) return base;

  for (Configured const& each : urls) {
    if (each.simulated && each.url.origin() == simulated->url.origin()) continue;
    return refused("it has to lie on " + simulated->url.origin() + " as " +
                   std::string(simulated->key) + " does: a simulator answers all three or none")
        .within(each.key);
  }
  std::string_view const exchange = urls[2].url.target;
  if (!exchange.ends_with(exchange_path)) {
    return refused("its path has to end with " + std::string(exchange_path)).within(urls[2].key);
  }

  Issuer issuer;
  issuer.origin = simulated->url.origin();
  issuer.device_code = urls[0].url;
  issuer.access_token = urls[1].url;
  issuer.exchange = urls[2].url;
  issuer.user = urls[2].url;
  issuer.user.target = std::string(exchange.substr(0, exchange.size() - exchange_path.size()));
  issuer.user.target += user_path;
  issuer.verification_page = issuer.origin + std::string(verification_path);
  issuer.default_api = issuer.origin;
  return issuer;
}

std::string form_encode(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char const c : text) {
    if (is_alpha(c) || is_digit(c) || c == '*' || c == '-' || c == '.' || c == '_') {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      auto const byte = static_cast<unsigned char>(c);
      out += '%';
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
  return out;
}

std::string form_decode(std::string_view text) {
  auto const digit = [](char c) { return is_digit(c) ? c - '0' : lower(c) - 'a' + 10; };
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && is_hex(text[i + 1]) &&
               is_hex(text[i + 2])) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];  // a lone '%' stands for itself
    }
  }
  return out;
}

}  // namespace jumpseat
