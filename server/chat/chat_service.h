// ChatService answers a chat request for either front end: it finds the model, edits the request,
// opens the upstream stream and yields clean OpenAI chunks as they come.
//
//   auto stream = co_await chat.start(std::move(request));
//   if (!stream) co_return stream.error();
//   while (true) {
//     auto chunks = co_await (*stream)->next();
//     if (!chunks) …                    // the answer failed; what came so far stands
//     if ((*chunks)->empty()) break;    // the end, and a good one
//   }
//
// or, for the answer in one piece, `co_await (*stream)->whole()`.
//
// Destroying the stream cancels the upstream request.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat_request.h"
#include "protocol/chat_stream.h"
#include "protocol/result.h"
#include "protocol/sse.h"
#include "server/base/clock.h"
#include "server/base/config.h"
#include "server/base/scope.h"
#include "server/chat/model_catalog.h"
#include "server/net/http_client.h"
#include "server/upstream/copilot_api.h"

namespace jumpseat {

class ChatService;

class ChatStream {
 public:
  using Chunks = std::vector<std::string> const*;

  ChatStream(ChatService& service, ChatReply reply, ChatStreamRepair::Options options,
             std::int64_t answers);
  ~ChatStream();
  ChatStream(ChatStream const&) = delete;
  ChatStream& operator=(ChatStream const&) = delete;

  // The next `chat.completion.chunk` texts, valid until the next call; none at the good end. Fails
  // when the answer failed, with the length of the text that had come; after that, or after the
  // end, do not call.
  awaitable<Result<Chunks>> next();
  // The same in two steps, without a coroutine for each chunk: take() returns null when none has
  // come yet, and more() waits until one may have.
  Result<Chunks> take();
  awaitable<> more() { return reply_.more(); }
  // All of it as one `chat.completion`, in place of calls of next(). Fails likewise.
  awaitable<Result<std::string>> whole();
  // Upstream's id of the model that answers; empty before the first chunk.
  std::string const& upstream_model() const { return repair_.upstream_model(); }
  HttpHeaders const& upstream_headers() const { return reply_.headers(); }
  // Likewise, for the last time.
  HttpHeaders give_upstream_headers_away() { return reply_.give_headers_away(); }
  std::optional<ChatUsage> const& usage() const { return repair_.usage(); }

 private:
  friend class ChatService;
  // Of a reply that is no stream of events. Before anything else is asked for.
  awaitable<Result<>> read_unstreamed();
  awaitable<Result<>> read_completion();
  Result<Chunks> read_events();
  Result<Chunks> finish(std::string_view remainder);
  Error with_progress(Error error) const;

  ChatService& service_;
  ResponseStream reply_;
  std::string host_;
  Throttle::Place place_;
  std::int64_t answers_;
  SseReader events_;
  ChatStreamRepair repair_;
  std::vector<std::string> unstreamed_;  // the chunks of an answer that came in one piece
  enum class Phase { unstreamed, streaming, last, ended } phase_ = Phase::streaming;
};

class ChatService {
 public:
  ChatService(Scope& background, ModelCatalog& catalog, CopilotApi& copilot, Clock& clock,
              Config const& config)
      : background_(background),
        catalog_(catalog),
        copilot_(copilot),
        clock_(clock),
        config_(config) {}

  // Fails with model_not_found, unsupported_api_for_model, any sign-in error, or what upstream
  // said. `chosen`, if given, gets the id of the model that was chosen, also when the call fails
  // later.
  awaitable<Result<std::unique_ptr<ChatStream>>> start(ChatRequest request,
                                                       std::string* chosen = nullptr);

  // Answers under way, for the busy state; the listener is called when it becomes 0 or 1.
  std::size_t active() const { return active_; }
  void on_activity(std::function<void()> listener) { listeners_.push_back(std::move(listener)); }

 private:
  friend class ChatStream;
  using Started = awaitable<Result<std::unique_ptr<ChatStream>>>;
  Started resolve_and_ask(ChatRequest request, std::string* chosen);
  Started ask(ChatRequest request, Model const& model, std::string* chosen);
  Started open(awaitable<Result<ChatReply>> asking, ChatStreamRepair::Options options,
               std::int64_t answers);
  void begun();
  void ended();
  void tell() const;

  Scope& background_;
  ModelCatalog& catalog_;
  CopilotApi& copilot_;
  Clock& clock_;
  Config const& config_;
  std::size_t active_ = 0;
  std::vector<std::function<void()>> listeners_;
};

// Which spelling of the cap a model takes: newer GPT and the o-series refuse max_tokens.
TokenCapSpelling token_cap_spelling(Model const& model);

}  // namespace jumpseat
