// OpenAI's error body (OpenAI API reference, "Error codes"):
// {"error":{"message":"…","type":"…","param":null,"code":"…"}}
// Statuses, types and codes are those of the table in result.cpp.
#pragma once

#include <string>
#include <string_view>

#include "protocol/result.h"

namespace jumpseat {

// `message` is what the person is shown, made safe already (server/base/log.h, safe()); everything
// else comes from the error.
std::string openai_error(Error const& error, std::string_view message);

}  // namespace jumpseat
