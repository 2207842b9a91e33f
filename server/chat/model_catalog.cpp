#include "server/chat/model_catalog.h"

#include <algorithm>
#include <utility>

#include "protocol/scan.h"
#include "server/base/log.h"
#include "server/chat/model_names.h"

namespace jumpseat {
namespace {

constexpr std::chrono::minutes fresh_for{10};

template <class T>
void put(json::object& object, char const* name, std::optional<T> const& value) {
  if (value) object[name] = *value;
}

}  // namespace

json::object model_json(Model const& model) {
  json::object limits;
  put(limits, "max_context_window_tokens", model.max_context);
  put(limits, "max_prompt_tokens", model.max_prompt);
  put(limits, "max_output_tokens", model.max_output);
  put(limits, "max_non_streaming_output_tokens", model.max_non_streaming_output);
  put(limits, "max_inputs", model.max_inputs);
  json::object supports;
  supports["streaming"] = model.streaming;
  supports["tool_calls"] = model.tool_calls;
  supports["parallel_tool_calls"] = model.parallel_tool_calls;
  supports["vision"] = model.vision;
  supports["structured_outputs"] = model.structured_outputs;
  if (!model.reasoning_effort.empty()) {
    json::array efforts;
    for (auto const& effort : model.reasoning_effort) efforts.push_back(json::value(effort));
    supports["reasoning_effort"] = std::move(efforts);
  }
  json::array endpoints;
  for (auto const& endpoint : model.endpoints) endpoints.push_back(json::value(endpoint));

  json::object out;
  out["id"] = model.id;
  out["object"] = "model";
  out["created"] = 0;  // GitHub does not say; OpenAI's clients want the member
  out["owned_by"] = model.vendor.empty() ? std::string("github-copilot") : model.vendor;
  out["name"] = model.name;
  out["type"] = model.type;
  if (!model.family.empty()) out["family"] = model.family;
  out["preview"] = model.preview;
  out["picker"] = model.picker;
  out["default"] = model.chat_default;
  if (!model.policy.empty()) out["policy"] = model.policy;
  put(out, "multiplier", model.multiplier);
  out["limits"] = std::move(limits);
  out["supports"] = std::move(supports);
  out["supported_endpoints"] = std::move(endpoints);
  return out;
}

ModelCatalog::ModelCatalog(asio::io_context& io, Scope& background, CopilotApi& copilot,
                           TokenService& tokens, Stores& stores, Clock& clock, Config const& config)
    : copilot_(copilot),
      tokens_(tokens),
      stores_(stores),
      clock_(clock),
      config_(config),
      fetching_(io, background, "model list") {}

bool ModelCatalog::stale() const {
  if (!list_) return true;
  if (clock_.elapsed() - listed_at_ >= fresh_for) return true;
  // A list from the future: the clock was set back, so its age is unknown.
  auto const age = clock_.unix_seconds() - list_->fetched_at;
  return age < -60 || age >= std::chrono::seconds(fresh_for).count();
}

void ModelCatalog::forget() {
  list_.reset();
  ++epoch_;
}

void ModelCatalog::load_stored(std::int64_t account) {
  auto stored = stores_.models().find(account, config_.identity.integration_id);
  if (!stored) return log::failure("models", stored.error());
  if (!*stored) return;
  auto models = read_models((*stored)->body);
  if (!models) return log::failure("models", models.error());
  auto catalog = std::make_shared<Catalog>();
  catalog->models = std::move(models->models);
  catalog->dropped = models->dropped;
  catalog->fetched_at = (*stored)->fetched_at;
  catalog->etag = (*stored)->etag;
  list_ = std::move(catalog);
  listed_at_ = clock_.elapsed();
}

ModelCatalog::List ModelCatalog::at_hand() {
  if (!list_ || !tokens_.sign_in()) return nullptr;
  if (stale()) fetching_.prepare([this] { return fetch(); });
  return list_;
}

awaitable<Result<ModelCatalog::List>> ModelCatalog::list() {
  auto settled = co_await tokens_.settle();
  if (!settled) co_return settled.error();
  auto who = tokens_.sign_in();
  if (!who) co_return who.error();
  if (!list_ && (*who)->account) load_stored(*(*who)->account);
  if (auto list = at_hand()) co_return std::move(list);
  co_return co_await refresh();
}

awaitable<Result<ModelCatalog::List>> ModelCatalog::refresh() {
  auto fetched = co_await fetching_.run([this] { return fetch(); });
  if (!fetched)
    co_return fail(ErrorCode::cancelled, "Stopped before the list of models was there.");
  co_return std::move(*fetched);
}

awaitable<Result<ModelCatalog::List>> ModelCatalog::fetch() {
  auto const epoch = epoch_;
  auto const at_hand = list_;
  std::string etag = at_hand ? at_hand->etag : std::string();
  auto reply = co_await copilot_.models(std::move(etag));
  if (epoch != epoch_)
    co_return fail(ErrorCode::cancelled,
                   "The sign-in changed while the list of models was fetched. Try again.");
  if (!reply) {
    log::returned("models", reply.error());
    co_return reply.error();
  }
  auto catalog = std::make_shared<Catalog>();
  if (reply->not_modified && at_hand) {
    *catalog = *at_hand;
  } else {
    auto models = read_models(reply->body);
    if (!models) {
      log::returned("models", models.error());
      co_return models.error();
    }
    if (models->models.empty() && at_hand && !at_hand->models.empty()) {
      // An empty list helps nobody; the last good one is kept with its age.
      log::warning("models", "GitHub sent an empty list of models; the last one is kept");
      co_return at_hand;
    }
    catalog->models = std::move(models->models);
    catalog->dropped = models->dropped;
    catalog->etag = std::move(reply->etag);
    if (catalog->dropped > 0) {
      log::info("models", "some entries of the list could not be read",
                {{"dropped", std::to_string(catalog->dropped)}});
    }
  }
  catalog->fetched_at = clock_.unix_seconds();
  if (!list_) {
    auto const usual = resolve_model(config_.default_model, catalog->models, config_.model_map);
    if (!usual) log::warning("models", "GITHUB_COPILOT_MODEL: " + usual.error().message());
  }
  list_ = catalog;
  listed_at_ = clock_.elapsed();
  if (reply->account && reply->not_modified) {
    auto kept = stores_.models().confirm(*reply->account, config_.identity.integration_id,
                                         catalog->fetched_at);
    if (!kept) log::failure("models", kept.error());
  }
  if (reply->account && !reply->not_modified) {
    StoredModels stored;
    stored.body = std::move(reply->body);
    stored.etag = catalog->etag;
    stored.fetched_at = catalog->fetched_at;
    auto saved = stores_.models().save(*reply->account, config_.identity.integration_id, stored);
    if (!saved) log::failure("models", saved.error());
  }
  co_return list_;
}

awaitable<Result<ModelCatalog::Choice>> ModelCatalog::resolve(std::string_view asked_name) {
  std::string const asked(asked_name.empty() ? std::string_view(config_.default_model)
                                             : asked_name);
  auto list = at_hand();
  if (!list) {
    auto listed = co_await this->list();
    if (!listed) co_return listed.error();
    list = std::move(*listed);
  }
  auto model = resolve_model(asked, list->models, config_.model_map);
  // An id that is not there may have come with the last days' changes. Asking again costs one free
  // call, and not more than one a minute.
  if (!model && clock_.unix_seconds() - list->fetched_at >= 60) {
    auto fresh = co_await refresh();
    if (fresh) {
      list = std::move(*fresh);
      model = resolve_model(asked, list->models, config_.model_map);
    }
  }
  if (!model) co_return model.error();
  co_return Choice(list, *model);
}

ModelCatalog::Choice ModelCatalog::resolve_at_hand(std::string_view asked) {
  auto const list = at_hand();
  if (!list) return nullptr;
  auto const model = resolve_model(asked.empty() ? std::string_view(config_.default_model) : asked,
                                   list->models, config_.model_map);
  return model ? Choice(list, *model) : nullptr;
}

std::string const& Catalog::data() const {
  if (data_.empty()) {
    json::array data;
    for (auto const& model : models) {
      if (model.usable()) data.push_back(model_json(model));
    }
    data_ = json_text(data);
  }
  return data_;
}

std::string models_text(Catalog const& catalog, std::int64_t now_unix) {
  std::string text = R"({"object":"list","data":)";
  text.append(catalog.data())
      .append(",\"fetched_at\":")
      .append(quote(iso_time(catalog.fetched_at)));
  auto const age = std::max<std::int64_t>(0, now_unix - catalog.fetched_at);
  text.append(",\"age_seconds\":").append(std::to_string(age)).append("}");
  return text;
}

}  // namespace jumpseat
