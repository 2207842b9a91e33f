// A request for a URL that is given as text. Throws when it is none.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/url.h"
#include "server/net/http_client.h"

namespace jumpseat {

inline HttpRequest http_request(std::string method, std::string_view url) {
  auto parsed = parse_url(url);
  if (!parsed) throw std::invalid_argument(parsed.error().message());
  return {std::move(method), *std::move(parsed)};
}

}  // namespace jumpseat
