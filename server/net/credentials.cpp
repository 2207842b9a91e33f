#include "server/net/credentials.h"

#include <utility>

#include "protocol/url.h"
#include "server/net/request_headers.h"

namespace jumpseat {

Authorization::Authorization(Secret value) : well_formed_(!has_controls(value.reveal())) {
  if (!value.empty()) value_ = std::make_shared<Secret const>(std::move(value));
}

Authorization authorization(std::string_view scheme, Secret const& token) {
  std::string value;
  value.reserve(scheme.size() + 1 + token.size());
  value.append(scheme).append(" ").append(token.reveal());
  return {Secret(std::move(value))};
}

std::string device_grant_form(std::string_view client_id, Secret const& device_code) {
  return "client_id=" + form_encode(client_id) +
         "&device_code=" + form_encode(device_code.reveal()) +
         "&grant_type=" + form_encode("urn:ietf:params:oauth:grant-type:device_code");
}

}  // namespace jumpseat
