// Reading what remains of an upstream reply.
#pragma once

#include <cstddef>
#include <string>

#include "protocol/result.h"
#include "server/net/http_client.h"
#include "server/upstream/copilot_api.h"

namespace jumpseat {

// The whole body. Fails with upstream_body_too_large beyond `most` bytes, with not_copilot when it
// is a page of the network in between (quality row U10), or as ResponseStream::next() fails.
awaitable<Result<std::string>> read_whole_body(CopilotReply& reply, std::size_t most);

// Reads to the end, for half a second at most, so that the connection can be used again: the end of
// an HTTP/1 body may come a moment after the last event.
awaitable<> drain_body(CopilotReply reply);

}  // namespace jumpseat
