// GET /models and GET /models/{id}: the account's own list, in OpenAI's form.

#include <functional>
#include <utility>

#include "server/http/routes.h"

namespace jumpseat {
namespace {

class ModelRoutes {
 public:
  explicit ModelRoutes(RouteParts const& parts) : catalog_(parts.catalog), clock_(parts.clock) {}

  awaitable<Result<void>> list(IncomingRequest&, Reply& reply) const {
    auto models = co_await catalog_.list();
    if (!models) co_return models.error();
    auto text = models_text(**models, clock_.unix_seconds());
    co_await reply.json(std::move(text));
    co_return Result<void>();
  }

  // By any name that a request may use; the answer bears the name that was asked for.
  awaitable<Result<void>> one(IncomingRequest& request, Reply& reply) const {
    reply.record().asked_model = request.parameter();
    auto model = co_await catalog_.resolve(request.parameter());
    if (!model) co_return model.error();
    reply.record().model = (*model)->id;
    reply.header("x-jumpseat-model", (*model)->id);
    auto object = model_json(**model);
    object["id"] = request.parameter();
    auto text = json_text(object);
    co_await reply.json(std::move(text));
    co_return Result<void>();
  }

 private:
  ModelCatalog& catalog_;
  Clock& clock_;
};

}  // namespace

void add_model_routes(Router& router, RouteParts const& parts) {
  using std::placeholders::_1;
  using std::placeholders::_2;
  ModelRoutes const routes(parts);
  router.add(
      {HttpMethod::get, "/models", Access::key, std::bind(&ModelRoutes::list, routes, _1, _2)});
  router.add(
      {HttpMethod::get, "/models/{id}", Access::key, std::bind(&ModelRoutes::one, routes, _1, _2)});
}

}  // namespace jumpseat
