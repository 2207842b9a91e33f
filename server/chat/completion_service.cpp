#include "server/chat/completion_service.h"

#include <utility>

#include "protocol/chat_request.h"
#include "protocol/upstream.h"
#include "server/chat/reply_body.h"
#include "server/net/retry.h"

namespace jumpseat {
namespace {

// The engine that GitHub's own editors fall back on when the list names none.
constexpr std::string_view usual_engine = "gpt-41-copilot";

bool is_engine(Model const& model) { return model.type == "completion"; }

}  // namespace

CompletionStream::CompletionStream(CompletionService& service, CompletionRequest request,
                                   std::string model, std::string engine,
                                   CompletionChunks::Options options)
    : service_(service),
      request_(std::move(request)),
      upstream_model_(std::move(model)),
      engine_(std::move(engine)),
      chunks_(std::move(options)) {}

// The engine that answers; empty when a chat model does.
awaitable<Result<std::string>> CompletionService::engine_for(CompletionRequest const& request,
                                                             Model const& model) {
  if (is_engine(model)) co_return model.id;
  if (!request.has_suffix()) co_return std::string();
  auto list = co_await catalog_.list();
  if (!list) co_return list.error();
  for (auto const& other : (*list)->models) {
    if (is_engine(other) && other.usable()) co_return other.id;
  }
  co_return std::string(usual_engine);
}

awaitable<Result<std::unique_ptr<CompletionStream>>> CompletionService::start(
    CompletionRequest request, std::string* chosen) {
  auto model = co_await catalog_.resolve(request.model());
  if (!model) co_return model.error();
  auto engine = co_await engine_for(request, **model);
  if (!engine) co_return engine.error();

  CompletionChunks::Options options;
  options.model = request.model().empty() ? config_.default_model : request.model();
  options.id = "cmpl-" + random_uuid();
  options.created = clock_.unix_seconds();
  options.answers = request.answers();
  options.usage = request.include_usage() || !request.stream()
                      ? CompletionChunks::Options::Usage::pass_on
                      : CompletionChunks::Options::Usage::hold_back;
  auto answering = engine->empty() ? (*model)->id : *engine;
  if (chosen != nullptr) *chosen = answering;
  auto stream = std::make_unique<CompletionStream>(*this, std::move(request), std::move(answering),
                                                   std::move(*engine), std::move(options));
  auto opened = co_await stream->open();
  if (!opened) co_return opened.error();
  co_return std::move(stream);
}

awaitable<Result<void>> CompletionStream::open() {
  answered_ = false;
  chunks_.begin_prompt(request_.echo() ? request_.prompt(at_) : std::string());
  if (engine_.empty()) {
    auto chat = ChatRequest::parse(request_.chat_body(at_));
    if (!chat) co_return chat.error();
    auto stream = co_await service_.chat_.start(std::move(*chat));
    if (!stream) co_return stream.error();
    chat_ = std::move(*stream);
    if (at_ == 0) headers_ = chat_->upstream_headers();
    co_return Result<void>();
  }
  WorkCall call;
  call.body = request_.engine_body(at_, service_.config_.max_tokens_limit);
  call.asked_model = request_.model();
  call.model = engine_;
  call.initiator = request_.initiator();
  auto reply = co_await service_.copilot_.completions(std::move(call));
  if (!reply) co_return reply.error();
  if (at_ == 0) headers_ = reply->stream.headers();
  reply_.emplace(std::move(*reply));
  events_ = SseReader();
  checked_ = false;
  co_return Result<void>();
}

awaitable<Result<CompletionStream::Chunks>> CompletionStream::next() {
  static std::vector<std::string> const none;
  while (!ended_) {
    if (answered_) {
      if (++at_ == request_.prompts()) {
        ended_ = true;
        co_return chunks_.finish();
      }
      auto opened = co_await open();
      if (!opened) {
        co_return opened.error().within("Prompt " + std::to_string(at_ + 1) + " failed");
      }
    }
    Result<Chunks> chunks = &none;
    if (engine_.empty()) {
      chunks = co_await next_of_chat();
    } else {
      chunks = co_await next_of_engine();
    }
    if (!chunks || !(*chunks)->empty()) co_return chunks;
  }
  co_return &none;
}

awaitable<Result<CompletionStream::Chunks>> CompletionStream::next_of_chat() {
  while (true) {
    auto given = co_await chat_->next();
    if (!given) co_return given.error();
    if ((*given)->empty()) {
      answered_ = true;
      chat_.reset();
      static std::vector<std::string> const none;
      co_return &none;
    }
    auto chunks = chunks_.from_chat(**given);
    if (!chunks->empty()) co_return chunks;
  }
}

awaitable<Result<CompletionStream::Chunks>> CompletionStream::next_of_engine() {
  while (true) {
    auto event = events_.next();
    if (!event) co_return event.error().with_partial_length(chunks_.text_bytes());
    if (*event) {
      auto chunks = chunks_.from_engine((*event)->data);
      if (!chunks) co_return chunks.error();
      if (chunks_.done()) {
        answered_ = true;
        service_.background_.spawn("drain", drain_body(std::move(*reply_)));
        reply_.reset();
        co_return chunks_.finish_engine({});
      }
      if (!(*chunks)->empty()) co_return *chunks;
      continue;
    }
    auto bytes = co_await reply_->stream.next();
    if (!bytes) co_return bytes.error().with_partial_length(chunks_.text_bytes());
    if (!checked_) {
      checked_ = true;
      auto const& headers = reply_->stream.headers();
      if (looks_like_html(headers.get("content-type"), *bytes)) {
        co_return read_upstream_error(reply_->stream.status(), headers.fields, *bytes, reply_->host,
                                      request_.model(), 0);
      }
    }
    if (bytes->empty()) {
      answered_ = true;
      reply_.reset();
      co_return chunks_.finish_engine(events_.remainder());
    }
    events_.feed(*bytes);
  }
}

}  // namespace jumpseat
