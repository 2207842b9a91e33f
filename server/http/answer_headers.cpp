#include "server/http/answer_headers.h"

#include <string_view>

namespace jumpseat {

void pass_on_headers(HttpHeaders const& upstream, Reply& reply) {
  std::string_view request_id;
  for (auto const& [name, value] : upstream.fields) {
    if (name.empty() || name.front() != 'x') continue;
    if (name.starts_with("x-ratelimit-") || name.starts_with("x-quota-snapshot-")) {
      reply.header(name, value);
    } else if (name == "x-github-request-id" || (name == "x-request-id" && request_id.empty())) {
      request_id = value;
    }
  }
  reply.header("x-jumpseat-upstream-request-id", request_id);
}

}  // namespace jumpseat
