// EmbeddingsService answers one embeddings request: it finds the model, asks Copilot batch by
// batch, each not larger than the model takes, and joins the answers. The batches go one after the
// other: one account, at a person's pace. A batch that fails fails the request.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/embeddings.h"
#include "protocol/result.h"
#include "server/chat/model_catalog.h"
#include "server/net/http_client.h"
#include "server/upstream/copilot_api.h"

namespace jumpseat {

struct EmbeddingsReply {
  EmbeddingsReply() = default;
  std::string body;     // OpenAI's list
  HttpHeaders headers;  // of upstream's last reply
  std::int64_t prompt_tokens = 0;
};

class EmbeddingsService {
 public:
  EmbeddingsService(ModelCatalog& catalog, CopilotApi& copilot)
      : catalog_(catalog), copilot_(copilot) {}

  // The model for a request: the one it names, else the list's first that makes embeddings. Fails
  // with model_not_found, or with unsupported_api_for_model, naming those that do.
  awaitable<Result<ModelCatalog::Choice>> model_for(EmbeddingsRequest const& request);
  // Fails with any sign-in error, or what upstream said.
  awaitable<Result<EmbeddingsReply>> answer(EmbeddingsRequest request, ModelCatalog::Choice model);

 private:
  ModelCatalog& catalog_;
  CopilotApi& copilot_;
};

}  // namespace jumpseat
