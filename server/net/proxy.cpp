#include "server/net/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

#include "protocol/base64.h"

namespace jumpseat {
namespace {

struct Address {
  std::array<unsigned char, 16> bytes{};
  std::size_t size = 0;  // 4 or 16
};

std::optional<Address> parse_address(std::string_view text) {
  if (text.size() > 1 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  std::string const terminated(text);
  Address address;
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) {
    address.size = 4;
  } else if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) {
    address.size = 16;
  } else {
    return std::nullopt;
  }
  return address;
}

bool in_network(Address const& address, std::string_view network) {
  auto const slash = network.find('/');
  auto const base = parse_address(network.substr(0, slash));
  if (!base || base->size != address.size) return false;
  std::size_t bits = base->size * 8;
  if (slash != std::string_view::npos) {
    std::string_view const length = network.substr(slash + 1);
    auto const parsed = std::from_chars(length.data(), length.data() + length.size(), bits);
    if (parsed.ec != std::errc() || parsed.ptr != length.data() + length.size()) return false;
    if (bits > base->size * 8) return false;
  }
  for (std::size_t i = 0; i < base->size && bits > 0; ++i) {
    std::size_t const here = std::min<std::size_t>(bits, 8);
    auto const mask = static_cast<unsigned char>(0xff << (8 - here));
    if (((address.bytes[i] ^ base->bytes[i]) & mask) != 0) return false;
    bits -= here;
  }
  return true;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool names(std::string_view entry, std::string_view host) {
  if (entry.starts_with('.')) entry.remove_prefix(1);
  if (entry.empty() || !host.ends_with(entry)) return false;
  return host.size() == entry.size() || host[host.size() - entry.size() - 1] == '.';
}

}  // namespace

bool bypasses_proxy(std::string_view no_proxy, Url const& url) {
  if (url.loopback_literal() || url.host == "localhost") return true;
  auto const address = parse_address(url.host);
  constexpr std::string_view separators = ", \t";
  while (true) {
    auto const begin = no_proxy.find_first_not_of(separators);
    if (begin == std::string_view::npos) return false;
    no_proxy.remove_prefix(begin);
    auto const entry = no_proxy.substr(0, no_proxy.find_first_of(separators));
    if (entry == "*") return true;
    if (address ? in_network(*address, entry) : names(lower(entry), url.host)) return true;
    no_proxy.remove_prefix(entry.size());
  }
}

std::string proxy_address(std::string_view proxy) {
  if (auto const scheme = proxy.find("://"); scheme != std::string_view::npos) {
    proxy.remove_prefix(scheme + 3);
  }
  // The last "@": a password may hold one. A slash in it would end the host for curl, too, but
  // nothing before the last "@" may ever be shown.
  if (auto const at = proxy.rfind('@'); at != std::string_view::npos) proxy.remove_prefix(at + 1);
  return std::string(proxy.substr(0, proxy.find_first_of("/?#")));
}

std::optional<Secret> page_proxy_login(Secret const& proxy) {
  std::string_view setting = proxy.reveal();
  if (auto const scheme = setting.find("://"); scheme != std::string_view::npos) {
    if (!setting.starts_with("http")) return std::nullopt;
    setting.remove_prefix(scheme + 3);
  }
  auto const at = setting.rfind('@');
  if (at == std::string_view::npos) return Secret();
  std::string_view const login = setting.substr(0, at);
  std::string plain;
  plain.reserve(login.size() + 1);
  for (std::size_t i = 0; i < login.size(); ++i) {
    unsigned byte = 0;
    char const* const digits = login.data() + i + 1;
    if (login[i] == '%' && i + 2 < login.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      plain += static_cast<char>(byte);
      i += 2;
    } else {
      plain += login[i];
    }
  }
  if (login.find(':') == std::string_view::npos) plain += ':';
  std::string value = "Basic " + base64_encode(plain);
  wipe(plain);
  return Secret(std::move(value));
}

}  // namespace jumpseat
