// Is it alive, is it ready, how is it? Bodies are LiteLLM's where it has the route, so that what
// watches a LiteLLM proxy can watch this. Nothing here calls upstream: health costs nothing and
// does not depend on a sign-in.

#include <unistd.h>

#include <utility>

#include "server/base/log.h"
#include "server/http/http_server.h"
#include "server/http/routes.h"

namespace jumpseat {
namespace {

bool usable(SignInState::Kind kind) {
  return kind == SignInState::Kind::ready || kind == SignInState::Kind::unverified;
}

class HealthRoutes {
 public:
  explicit HealthRoutes(RouteParts const& parts)
      : tokens_(parts.tokens),
        chat_(parts.chat),
        clock_(parts.clock),
        server_(parts.server),
        version_(parts.version),
        started_(parts.clock.elapsed()) {}

  awaitable<Result<void>> alive(IncomingRequest&, Reply& reply) const {
    co_await reply.json("\"I'm alive!\"");
    co_return Result<void>();
  }

  awaitable<Result<void>> ready(IncomingRequest&, Reply& reply) const {
    json::object body;
    body["status"] = "healthy";
    body["db"] = "Not connected";  // there is no database server to wait for
    body["cache"] = nullptr;
    body["success_callbacks"] = json::array();
    body["jumpseat_version"] = version_;
    auto text = json::serialize(body);
    co_await reply.json(std::move(text));
    co_return Result<void>();
  }

  // One endpoint, Copilot, judged by what is known.
  awaitable<Result<void>> health(IncomingRequest&, Reply& reply) const {
    auto const state = tokens_.state();
    json::object endpoint;
    endpoint["model"] = "github_copilot/*";
    bool const healthy = usable(state.kind);
    if (!healthy) endpoint["error"] = name_of(state.kind);
    json::array good;
    json::array bad;
    (healthy ? good : bad).push_back(std::move(endpoint));
    json::object body;
    body["healthy_count"] = good.size();
    body["unhealthy_count"] = bad.size();
    body["healthy_endpoints"] = std::move(good);
    body["unhealthy_endpoints"] = std::move(bad);
    auto text = json::serialize(body);
    co_await reply.json(std::move(text));
    co_return Result<void>();
  }

  awaitable<Result<void>> status(IncomingRequest&, Reply& reply) const {
    auto text = json::serialize(status_body());
    co_await reply.json(std::move(text));
    co_return Result<void>();
  }

 private:
  json::object status_body() const {
    auto const state = tokens_.state();
    json::object sign_in;
    sign_in["state"] = name_of(state.kind);
    if (!state.login.empty()) sign_in["user"] = state.login;
    if (!state.source.empty()) sign_in["source"] = log::safe(state.source);
    if (!state.token_kind.empty()) sign_in["token_kind"] = state.token_kind;
    if (!state.sku.empty()) sign_in["sku"] = state.sku;
    if (state.problem) sign_in["problem"] = log::safe(*state.problem);
    json::object body;
    body["name"] = "jumpseat";
    body["version"] = version_;
    body["pid"] = ::getpid();
    body["uptime_seconds"] =
        std::chrono::duration_cast<std::chrono::seconds>(clock_.elapsed() - started_).count();
    body["sign_in"] = std::move(sign_in);
    body["connections"] = server_.connections();
    body["requests"] = server_.requests();
    body["answers_under_way"] = chat_.active();
    return body;
  }

  TokenService& tokens_;
  ChatService& chat_;
  Clock& clock_;
  HttpServer const& server_;
  std::string version_;
  std::chrono::milliseconds started_;
};

}  // namespace

void add_health_routes(Router& router, RouteParts const& parts) {
  using std::placeholders::_1;
  using std::placeholders::_2;
  HealthRoutes const routes(parts);
  auto const add = [&](std::string_view path, Access access, auto function) {
    router.add({HttpMethod::get, path, access, std::bind(function, routes, _1, _2)});
  };
  add("/health", Access::anybody, &HealthRoutes::health);
  add("/health/liveliness", Access::anybody, &HealthRoutes::alive);
  add("/health/liveness", Access::anybody, &HealthRoutes::alive);
  add("/health/readiness", Access::anybody, &HealthRoutes::ready);
  add("/status", Access::key, &HealthRoutes::status);
}

}  // namespace jumpseat
