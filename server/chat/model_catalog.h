// ModelCatalog answers from memory, else from the database, else from upstream. A list that is
// older than ten minutes is served as it is while a new one is fetched; a fetch that fails keeps
// the old list, which says how old it is.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "protocol/upstream.h"
#include "server/auth/stores.h"
#include "server/auth/token_service.h"
#include "server/base/clock.h"
#include "server/base/config.h"
#include "server/base/scope.h"
#include "server/base/single_flight.h"
#include "server/upstream/copilot_api.h"

namespace jumpseat {

struct Catalog {
  std::vector<Model> models;
  std::int64_t fetched_at = 0;  // Unix seconds
  std::size_t dropped = 0;      // entries that could not be read
  std::string etag;
  // `models` in OpenAI's form: a JSON array of those that may be used. Made when first asked for.
  std::string const& data() const;

 private:
  mutable std::string data_;
};

class ModelCatalog {
 public:
  using List = std::shared_ptr<Catalog const>;
  using Choice = std::shared_ptr<Model const>;  // keeps its list

  ModelCatalog(asio::io_context& io, Scope& background, CopilotApi& copilot, TokenService& tokens,
               Stores& stores, Clock& clock, Config const& config);

  // The list, perhaps a stale one. Fails only when there is none at all.
  awaitable<Result<List>> list();
  // The same without a coroutine, for each of many requests: null when it is not in memory, or
  // whose it is has to be found out. Then list() is the one to ask.
  List at_hand();
  // The list as upstream has it now.
  awaitable<Result<List>> refresh();
  // The model that goes by `asked` (empty: the configured default). A name that a stale list does
  // not know is looked up in a fresh one before the answer is no.
  awaitable<Result<Choice>> resolve(std::string_view asked);
  // The same without a coroutine: null when the list at hand, if any, does not know the name.
  Choice resolve_at_hand(std::string_view asked);
  // Another account: what is in memory is not its list.
  void forget();

 private:
  awaitable<Result<List>> fetch();
  bool stale() const;
  void load_stored(std::int64_t account);

  CopilotApi& copilot_;
  TokenService& tokens_;
  Stores& stores_;
  Clock& clock_;
  Config const& config_;
  SingleFlight<Result<List>> fetching_;
  List list_;
  std::chrono::milliseconds listed_at_{0};  // Clock::elapsed()
  std::uint64_t epoch_ = 0;  // counts accounts, so that a late reply of the old one is dropped
};

// One model in OpenAI's form (OpenAI API reference, "The model object"), with limits and abilities.
json::object model_json(Model const& model);
// The OpenAI form of the list ("List models"): {"object":"list","data":[…]}, for GET /v1/models and
// jumpseat/models.
std::string models_text(Catalog const& catalog, std::int64_t now_unix);

}  // namespace jumpseat
