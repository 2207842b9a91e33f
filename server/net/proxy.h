// Which requests go through a proxy, and what a proxy is called in a message. curl would decide the
// first by itself; it is decided here, so that a failure can name the proxy it came from.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/secret.h"
#include "protocol/url.h"

namespace jumpseat {

// Does `no_proxy` exempt the host of `url`? The list is separated by commas or blanks: "*" is
// everything, "example.com" and ".example.com" are that host and all below it, an address is that
// address, and 10.0.0.0/8 or fd00::/8 is a network. Loopback literals and "localhost" never go
// through a proxy.
bool bypasses_proxy(std::string_view no_proxy, Url const& url);

// "host:port" of a proxy as curl spells it, without scheme and credentials.
std::string proxy_address(std::string_view proxy);

// For a plain http URL a proxy that speaks HTTP is asked for the page itself (RFC 9110, 7.3.2): the
// value of its Proxy-Authorization header, empty without a login. Nothing for a SOCKS proxy, which
// only passes bytes on.
std::optional<Secret> page_proxy_login(Secret const& proxy);

}  // namespace jumpseat
