// The routes of the port, one file per family; each adds its own to the table.
#pragma once

#include <string>

#include "server/auth/token_service.h"
#include "server/base/clock.h"
#include "server/base/config.h"
#include "server/chat/answer_cache.h"
#include "server/chat/chat_service.h"
#include "server/chat/completion_service.h"
#include "server/chat/embeddings_service.h"
#include "server/chat/model_catalog.h"
#include "server/chat/usage_service.h"
#include "server/http/metrics.h"
#include "server/http/router.h"
#include "server/upstream/throttle.h"

namespace jumpseat {

class HttpServer;

// What the routes work with; all of it outlives the router.
struct RouteParts {
  TokenService& tokens;
  ModelCatalog& catalog;
  ChatService& chat;
  EmbeddingsService& embeddings;
  CompletionService& completions;
  AnswerCache& cache;
  UsageService& usage;
  Clock& clock;
  Config const& config;
  Throttle const& throttle;
  HttpServer const& server;
  Metrics const& metrics;
  std::string version;
};

// POST /chat/completions.
void add_chat_routes(Router& router, RouteParts const& parts);
// POST /embeddings.
void add_embedding_routes(Router& router, RouteParts const& parts);
// POST /completions.
void add_completion_routes(Router& router, RouteParts const& parts);
// GET /usage.
void add_usage_routes(Router& router, RouteParts const& parts);
// GET /models, GET /models/{id}.
void add_model_routes(Router& router, RouteParts const& parts);
// GET /health, /health/liveliness, /health/liveness, /health/readiness with LiteLLM's bodies, and
// GET /status. None of them calls upstream.
void add_health_routes(Router& router, RouteParts const& parts);
// GET /metrics.
void add_metrics_routes(Router& router, RouteParts const& parts);

}  // namespace jumpseat
