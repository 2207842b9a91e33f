// Base64 (RFC 4648, section 4), with padding.
#pragma once

#include <string>
#include <string_view>

namespace jumpseat {

std::string base64_encode(std::string_view bytes);

}  // namespace jumpseat
