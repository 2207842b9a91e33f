// CompletionService answers legacy completions. A request with a `suffix`, or for a model of the
// inline completions, goes to the engine of these; any other prompt goes to a chat model through
// ChatService. Several prompts are answered one after the other, each as a request of its own.
//
//   auto stream = co_await completions.start(std::move(request));
//   if (!stream) co_return stream.error();
//   while (true) {
//     auto chunks = co_await (*stream)->next();
//     if (!chunks) …                    // the answer failed; what came so far stands
//     if ((*chunks)->empty()) break;    // the end, and a good one
//   }
//
// Destroying the stream cancels the upstream request.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "protocol/completions.h"
#include "protocol/result.h"
#include "protocol/sse.h"
#include "server/base/clock.h"
#include "server/base/config.h"
#include "server/base/scope.h"
#include "server/chat/chat_service.h"
#include "server/chat/model_catalog.h"
#include "server/net/http_client.h"
#include "server/upstream/copilot_api.h"

namespace jumpseat {

class CompletionService;

class CompletionStream {
 public:
  using Chunks = CompletionChunks::Chunks;

  // Only CompletionService::start() calls this.
  CompletionStream(CompletionService& service, CompletionRequest request, std::string model,
                   std::string engine, CompletionChunks::Options options);
  CompletionStream(CompletionStream const&) = delete;
  CompletionStream& operator=(CompletionStream const&) = delete;

  // The next `text_completion` chunks, valid until the next call; none at the good end. After that,
  // or after a failure, do not call.
  awaitable<Result<Chunks>> next();
  // Upstream's id of the model that answers.
  std::string const& upstream_model() const { return upstream_model_; }
  // Of the reply to the first prompt.
  HttpHeaders const& upstream_headers() const { return headers_; }
  CompletionChunks const& count() const { return chunks_; }

 private:
  friend class CompletionService;
  awaitable<Result<void>> open();  // the prompt at_
  awaitable<Result<Chunks>> next_of_chat();
  awaitable<Result<Chunks>> next_of_engine();

  CompletionService& service_;
  CompletionRequest request_;
  std::string upstream_model_;
  std::string engine_;  // upstream's id of the engine; empty: a chat model answers
  CompletionChunks chunks_;
  std::size_t at_ = 0;     // the prompt that is being answered
  bool answered_ = false;  // all of that prompt's answer was read
  bool ended_ = false;
  HttpHeaders headers_;
  // What answers it: one of the two.
  std::unique_ptr<ChatStream> chat_;
  std::optional<CopilotReply> reply_;
  SseReader events_;
  bool checked_ = false;  // the reply is no page of somebody else
};

class CompletionService {
 public:
  CompletionService(Scope& background, ModelCatalog& catalog, CopilotApi& copilot,
                    ChatService& chat, Clock& clock, Config const& config)
      : background_(background),
        catalog_(catalog),
        copilot_(copilot),
        chat_(chat),
        clock_(clock),
        config_(config) {}

  // Fails with model_not_found, unsupported_api_for_model, any sign-in error, or what upstream
  // said. `chosen`, if given, gets the id of the model that was chosen, also when the call fails
  // later.
  awaitable<Result<std::unique_ptr<CompletionStream>>> start(CompletionRequest request,
                                                             std::string* chosen = nullptr);

 private:
  friend class CompletionStream;
  awaitable<Result<std::string>> engine_for(CompletionRequest const& request, Model const& model);

  Scope& background_;
  ModelCatalog& catalog_;
  CopilotApi& copilot_;
  ChatService& chat_;
  Clock& clock_;
  Config const& config_;
};

}  // namespace jumpseat
