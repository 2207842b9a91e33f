#include "server/chat/embeddings_service.h"

#include <algorithm>
#include <utility>

#include "server/chat/reply_body.h"

namespace jumpseat {
namespace {

constexpr std::string_view route = "/embeddings";
// Of a model that names none; the smallest limit that has been seen.
constexpr std::int64_t assumed_max_inputs = 256;
// 512 vectors of 3,072 numbers have about 30 MB.
constexpr std::size_t max_reply = 128u << 20;

}  // namespace

awaitable<Result<ModelCatalog::Choice>> EmbeddingsService::model_for(
    EmbeddingsRequest const& request) {
  Result<ModelCatalog::Choice> named = fail(ErrorCode::model_not_found, "");
  if (!request.model().empty()) {
    named = co_await catalog_.resolve(request.model());
    if (!named || (*named)->serves(route)) co_return named;
  }
  auto list = co_await catalog_.list();
  if (!list) co_return list.error();
  std::string others;
  for (auto const& model : (*list)->models) {
    if (!model.usable() || !model.serves(route)) continue;
    if (request.model().empty()) co_return ModelCatalog::Choice(*list, &model);
    others += (others.empty() ? "" : ", ") + model.id;
  }
  if (!named) {
    co_return fail(ErrorCode::model_not_found,
                   "Model '' not found: the request names none, and the account's list has none "
                   "that makes embeddings.");
  }
  co_return fail(ErrorCode::unsupported_api_for_model,
                 "The model " + (*named)->id + " does not make embeddings." +
                     (others.empty() ? std::string(" The account's list has none that does.")
                                     : " These do: " + others + "."));
}

awaitable<Result<EmbeddingsReply>> EmbeddingsService::answer(EmbeddingsRequest request,
                                                             ModelCatalog::Choice model) {
  auto const asked = request.model().empty() ? model->id : request.model();
  auto const batch = static_cast<std::size_t>(model->max_inputs.value_or(assumed_max_inputs));
  EmbeddingsAnswer joined(asked, request.encoding(), request.inputs());
  EmbeddingsReply out;
  for (std::size_t first = 0; first < request.inputs(); first += batch) {
    auto const count = std::min(batch, request.inputs() - first);
    WorkCall call;
    call.body = request.upstream_body(model->id, first, count);
    call.asked_model = asked;
    call.model = model->id;
    auto reply = co_await copilot_.embeddings(std::move(call));
    if (!reply) co_return reply.error();
    auto const body = co_await read_whole_body(*reply, max_reply);
    if (!body) co_return body.error();
    auto const added = joined.add(*body, first, count);
    if (!added) co_return added.error();
    out.headers = reply->stream.headers();
  }
  out.body = joined.text();
  out.prompt_tokens = joined.prompt_tokens();
  co_return std::move(out);
}

}  // namespace jumpseat
