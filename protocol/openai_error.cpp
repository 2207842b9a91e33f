#include "protocol/openai_error.h"

#include "protocol/scan.h"

namespace jumpseat {

std::string openai_error(Error const& error, std::string_view message) {
  std::string out = "{\"error\":{\"message\":";
  out += quote(message);
  out += ",\"type\":";
  out += quote(traits(error.code()).openai_type);
  out += ",\"param\":null,\"code\":";
  out += quote(error.name());
  out += "}}";
  return out;
}

}  // namespace jumpseat
