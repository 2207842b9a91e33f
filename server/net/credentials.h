// Building the two request parts that hold a secret. Together with http_client.cpp and the
// database's bind these are the places where a Secret is revealed.
#pragma once

#include <string>
#include <string_view>

#include "protocol/secret.h"

namespace jumpseat {

// The value of an Authorization header: "<scheme> <token>".
Secret authorization(std::string_view scheme, Secret const& token);

// The form of a device-flow poll (RFC 8628 3.4). No client secret: GitHub asks for none here.
std::string device_grant_form(std::string_view client_id, Secret const& device_code);

}  // namespace jumpseat
