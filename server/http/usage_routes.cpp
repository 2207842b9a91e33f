// GET /usage: what is left of the account's Copilot quota, as JSON; as plain text for those who
// ask for that first (`Accept: text/plain`).

#include <utility>

#include "protocol/usage.h"
#include "server/chat/usage_service.h"
#include "server/http/routes.h"

namespace jumpseat {
namespace {

bool wants_text(std::string_view accept) {
  auto const text = accept.find("text/plain");
  if (text == std::string_view::npos) return false;
  auto const json = accept.find("application/json");
  return json == std::string_view::npos || text < json;
}

class UsageRoute {
 public:
  explicit UsageRoute(RouteParts const& parts) : usage_(parts.usage) {}

  awaitable<Result<void>> operator()(IncomingRequest& request, Reply& reply) const {
    auto usage = co_await usage_.get();
    if (!usage) co_return usage.error();
    reply.header("cache-control", "no-store");
    if (wants_text(request.header("accept"))) {
      auto text = usage_text(usage->user);
      co_await reply.send(200, "text/plain; charset=utf-8", std::move(text));
      co_return Result<void>();
    }
    auto text = json_text(usage_json(usage->user, usage->age_seconds)) + "\n";
    co_await reply.json(std::move(text));
    co_return Result<void>();
  }

 private:
  UsageService& usage_;
};

}  // namespace

void add_usage_routes(Router& router, RouteParts const& parts) {
  router.add({HttpMethod::get, "/usage", Access::key, UsageRoute(parts)});
}

}  // namespace jumpseat
