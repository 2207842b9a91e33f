#include "server/chat/chat_service.h"

#include <utility>

#include "protocol/chat_whole.h"
#include "protocol/upstream.h"
#include "server/base/deadline.h"
#include "server/base/log.h"
#include "server/net/retry.h"

namespace jumpseat {
namespace {

constexpr std::size_t max_whole_answer = 64u << 20;

// The end of an HTTP/1 body may come a moment after [DONE]; reading it lets the connection be used
// again.
awaitable<> read_to_end(ResponseStream reply) {
  while (true) {
    auto bytes = co_await reply.next();
    if (!bytes || bytes->empty()) co_return;
  }
}

awaitable<> drain(ResponseStream reply) {
  co_await within(read_to_end(std::move(reply)), std::chrono::milliseconds(500));
}

bool is_event_stream(HttpHeaders const& headers) {
  return headers.get("content-type").find("event-stream") != std::string_view::npos;
}

bool is_json(HttpHeaders const& headers) {
  return headers.get("content-type").find("json") != std::string_view::npos;
}

}  // namespace

TokenCapSpelling token_cap_spelling(Model const& model) {
  auto const& id = model.id;
  bool const o_series = id.size() >= 2 && id[0] == 'o' && id[1] >= '0' && id[1] <= '9';
  return o_series || id.starts_with("gpt-5") ? TokenCapSpelling::max_completion_tokens
                                             : TokenCapSpelling::max_tokens;
}

void ChatService::begun() {
  if (++active_ == 1) tell();
}

void ChatService::ended() {
  if (--active_ == 0) tell();
}

void ChatService::tell() const {
  for (auto const& listener : listeners_) listener();
}

namespace {

awaitable<Result<std::unique_ptr<ChatStream>>> refuse(Error why) { co_return why; }

// Takes the request: its memory becomes upstream's form.
ChatCall make_call(ChatRequest request, ChatRequest::Upstream const& change, std::string model) {
  ChatCall call;
  call.asked_model = std::move(model);
  call.initiator = request.initiator();
  call.vision = request.has_image() ? ChatCall::Vision::images : ChatCall::Vision::none;
  call.body = std::move(request).upstream_body(change);
  return call;
}

}  // namespace

// The request is handed on from function to function, and only what it needs waits for the answer:
// a coroutine keeps room for all that it ever held.
awaitable<Result<std::unique_ptr<ChatStream>>> ChatService::start(ChatRequest request,
                                                                  std::string* chosen) {
  if (auto const model = catalog_.resolve_at_hand(request.model()))
    return ask(std::move(request), *model, chosen);
  return resolve_and_ask(std::move(request), chosen);
}

ChatService::Started ChatService::resolve_and_ask(ChatRequest request, std::string* chosen) {
  auto const model = co_await catalog_.resolve(request.model());
  if (!model) co_return model.error();
  auto asking = ask(std::move(request), **model, chosen);
  co_return co_await std::move(asking);
}

ChatService::Started ChatService::ask(ChatRequest request, Model const& model,
                                      std::string* chosen) {
  if (chosen != nullptr) *chosen = model.id;
  if (!model.serves("/chat/completions")) {
    return refuse(fail(ErrorCode::unsupported_api_for_model,
                       "The model " + model.id +
                           " does not serve chat completions. Choose another one; "
                           "`jumpseat models` shows what each serves."));
  }

  ChatRequest::Upstream change;
  change.model = model.id;
  change.max_tokens_limit = config_.max_tokens_limit;
  change.spelling = token_cap_spelling(model);
  // Streams are asked for even when the caller wants one piece: upstream caps unstreamed answers,
  // and a stream can be seen to be complete.
  change.mode =
      model.streaming ? ChatRequest::Upstream::Mode::stream : ChatRequest::Upstream::Mode::whole;

  ChatStreamRepair::Options options;
  options.model = request.model().empty() ? config_.default_model : request.model();
  options.make_id = [] { return "chatcmpl-" + random_uuid(); };
  options.created = clock_.unix_seconds();
  options.usage = request.include_usage() || !request.stream()
                      ? ChatStreamRepair::Options::Usage::pass_on
                      : ChatStreamRepair::Options::Usage::hold_back;
  auto const answers = request.answers();

  auto call = make_call(std::move(request), change, options.model);
  call.model = model.id;
  return open(copilot_.chat(std::move(call)), std::move(options), answers);
}

ChatService::Started ChatService::open(awaitable<Result<ChatReply>> asking,
                                       ChatStreamRepair::Options options, std::int64_t answers) {
  auto reply = co_await std::move(asking);
  if (!reply) co_return reply.error();
  auto stream = std::make_unique<ChatStream>(*this, std::move(*reply), std::move(options), answers);
  if (!is_event_stream(stream->upstream_headers())) {
    auto const read = co_await stream->read_unstreamed();
    if (!read) co_return read.error();
  }
  co_return stream;
}

ChatStream::ChatStream(ChatService& service, ChatReply reply, ChatStreamRepair::Options options,
                       std::int64_t answers)
    : service_(service),
      reply_(std::move(reply.stream)),
      host_(std::move(reply.host)),
      place_(std::move(reply.place)),
      answers_(answers),
      repair_(std::move(options)) {
  service_.begun();
}

ChatStream::~ChatStream() { service_.ended(); }

Error ChatStream::with_progress(Error error) const {
  return std::move(error).with_partial_length(repair_.text_bytes());
}

awaitable<Result<ChatStream::Chunks>> ChatStream::next() {
  while (true) {
    auto chunks = take();
    if (!chunks || *chunks != nullptr) co_return chunks;
    co_await more();
  }
}

awaitable<Result<std::string>> ChatStream::whole() {
  ChatAssembler answer;
  repair_.put_together_in(answer);
  while (true) {
    auto const chunks = take();
    if (!chunks) co_return chunks.error();
    if (*chunks == nullptr) {
      co_await more();
      continue;
    }
    if ((*chunks)->empty()) break;
    for (auto const& chunk : **chunks) answer.add(chunk);
  }
  co_return answer.completion();
}

Result<ChatStream::Chunks> ChatStream::take() {
  if (phase_ == Phase::unstreamed) {
    phase_ = Phase::last;
    return &unstreamed_;
  }
  while (true) {
    auto const chunks = read_events();
    if (!chunks || *chunks != nullptr) return chunks;
    std::string bytes = events_.give_away();
    auto const taken = reply_.take(bytes);
    if (!taken) return with_progress(taken.error());
    if (!bytes.empty()) {
      events_.take_over(std::move(bytes));
    } else if (reply_.at_end()) {
      return finish(events_.remainder());
    } else {
      return nullptr;
    }
  }
}

// Null: there is no whole event yet that says something.
Result<ChatStream::Chunks> ChatStream::read_events() {
  static std::vector<std::string> const none;
  if (phase_ == Phase::last) {
    phase_ = Phase::ended;
    return &none;
  }
  while (true) {
    auto const event = events_.next();
    if (!event) return with_progress(event.error());
    if (!*event) return nullptr;
    auto const chunks = repair_.event((*event)->data);
    if (!chunks) return with_progress(chunks.error());
    if (repair_.done()) {
      auto last = finish({});
      if (last && !reply_.at_end()) service_.background_.spawn("drain", drain(std::move(reply_)));
      return last;
    }
    if (!(*chunks)->empty()) return *chunks;
  }
}

Result<ChatStream::Chunks> ChatStream::finish(std::string_view remainder) {
  auto const last = repair_.finish(remainder);
  if (!last) return with_progress(last.error());
  phase_ = (*last)->empty() ? Phase::ended : Phase::last;
  return *last;
}

// A model that answered in one piece, or a log-in page of the network in between.
awaitable<Result<>> ChatStream::read_unstreamed() {
  if (is_json(reply_.headers())) co_return co_await read_completion();
  auto first = co_await reply_.next();
  if (!first) co_return first.error();
  if (looks_like_html(reply_.headers().get("content-type"), *first)) {
    co_return read_upstream_error(reply_.status(), reply_.headers().fields, *first, host_,
                                  repair_.options().model, 0);
  }
  // Events under another name.
  events_.feed(*first);
  co_return Result<>();
}

awaitable<Result<>> ChatStream::read_completion() {
  std::string body;
  while (true) {
    auto bytes = co_await reply_.next();
    if (!bytes) co_return bytes.error();
    if (bytes->empty()) break;
    body += *bytes;
    if (body.size() > max_whole_answer) {
      co_return fail(ErrorCode::upstream_body_too_large,
                     "Copilot's answer is larger than 64 MiB; it was dropped.");
    }
  }
  auto completion = repair_completion(body, repair_.options(), answers_);
  if (!completion) co_return completion.error();
  unstreamed_ = chunks_of_completion(*completion, repair_.options().usage);
  phase_ = Phase::unstreamed;
  co_return Result<>();
}

}  // namespace jumpseat
