#include "server/chat/reply_body.h"

#include <utility>

#include "protocol/upstream.h"
#include "server/base/deadline.h"

namespace jumpseat {
namespace {

awaitable<> read_to_end(CopilotReply reply) {
  while (true) {
    auto bytes = co_await reply.stream.next();
    if (!bytes || bytes->empty()) co_return;
  }
}

}  // namespace

awaitable<Result<std::string>> read_whole_body(CopilotReply& reply, std::size_t most) {
  std::string body;
  while (true) {
    auto bytes = co_await reply.stream.next();
    if (!bytes) co_return bytes.error();
    if (bytes->empty()) break;
    if (body.empty()) {
      body = std::move(*bytes);
    } else {
      body += *bytes;
    }
    if (body.size() > most) {
      co_return fail(ErrorCode::upstream_body_too_large,
                     "Copilot's answer is larger than " + std::to_string(most >> 20) +
                         " MiB; it was dropped. Ask for less at a time.");
    }
  }
  auto const& headers = reply.stream.headers();
  if (looks_like_html(headers.get("content-type"), body)) {
    co_return read_upstream_error(reply.stream.status(), headers.fields, body, reply.host, {}, 0);
  }
  co_return std::move(body);
}

awaitable<> drain_body(CopilotReply reply) {
  co_await within(read_to_end(std::move(reply)), std::chrono::milliseconds(500));
}

}  // namespace jumpseat
