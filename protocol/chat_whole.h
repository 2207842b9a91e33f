// An answer that came in one piece, as the chunks of a stream, for callers who asked for one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat_stream.h"

namespace jumpseat {

// `completion` is a `chat.completion` that repair_completion() made. Returns one chunk per choice
// with the whole message as its delta, one with the finish reasons, and the usage chunk when it is
// passed on.
std::vector<std::string> chunks_of_completion(std::string_view completion,
                                              ChatStreamRepair::Options::Usage usage);

}  // namespace jumpseat
