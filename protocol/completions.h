// Legacy completions (OpenAI API reference, "Create completion"): a prompt in, text out. Copilot
// has two things that can answer. A prompt with a `suffix` goes to the engine of its inline
// completions, which fills in what stands between the two; a plain prompt goes to a chat model as
// one message of the user. CompletionRequest makes the requests for either; CompletionChunks turns
// either's stream into `text_completion` chunks; CompletionAssembler joins these for callers who
// want one answer. There is no I/O here and no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "protocol/chat_request.h"
#include "protocol/result.h"

namespace jumpseat {

class CompletionRequest {
 public:
  // Each prompt is a request of its own for upstream, and may cost one.
  static constexpr std::size_t max_prompts = 20;
  static constexpr std::int64_t max_answers = 128;

  // `body` is JSON that passed check_json(); it is kept. Fails with invalid_request, naming the
  // member: not an object; no `prompt`, none in the array, too many, or one that is not text (token
  // ids: there is no tokenizer here); `messages` beside it; a `best_of` that is not `n`; `logprobs`
  // together with `echo`; model, suffix, echo, n, stream, stream_options, logprobs, max_tokens or
  // initiator of the wrong type; a member that chooses a destination (quality row S7).
  static Result<CompletionRequest> parse(std::string body);

  // Empty when the request names none.
  std::string const& model() const { return model_; }
  std::size_t prompts() const { return prompts_.size(); }
  std::string prompt(std::size_t at) const;
  bool has_suffix() const { return has_suffix_; }
  bool echo() const { return echo_; }
  bool stream() const { return stream_; }
  bool include_usage() const { return include_usage_; }
  std::int64_t answers() const { return n_; }
  Initiator initiator() const { return initiator_; }

  // The Chat Completions request that stands for prompt `at`: streamed, with usage. All members
  // that mean the same in both APIs, and those unknown here, are passed on.
  std::string chat_body(std::size_t at) const;
  // The body for the inline completions' engine, for prompt `at`: streamed, max_tokens clamped down
  // to `max_tokens_limit`; what the engine has no name for (model, echo, best_of, stream_options)
  // is left out.
  std::string engine_body(std::size_t at, std::int64_t max_tokens_limit) const;

 private:
  CompletionRequest() = default;

  std::string body_;
  std::string model_;
  std::vector<std::pair<std::size_t, std::size_t>> prompts_;  // offset and length in body_
  bool has_suffix_ = false;
  bool echo_ = false;
  bool stream_ = false;
  bool include_usage_ = false;
  std::int64_t n_ = 1;
  std::optional<std::int64_t> logprobs_;
  std::optional<std::int64_t> max_tokens_;
  Initiator initiator_ = Initiator::user;
};

class CompletionChunks {
 public:
  struct Options {
    std::string model;         // the name that was asked for; goes into every chunk
    std::string id;            // "cmpl-…", likewise
    std::int64_t created = 0;  // Unix seconds, likewise
    std::int64_t answers = 1;  // per prompt
    // The chunk with the usage of all prompts, at the end.
    enum class Usage { pass_on, hold_back } usage = Usage::hold_back;
  };
  using Chunks = std::vector<std::string> const*;

  explicit CompletionChunks(Options options) : options_(std::move(options)) {}

  // The next prompt's answer begins; its choices are numbered on from those of the last one. `echo`
  // goes before each of its texts.
  void begin_prompt(std::string echo);

  // What these return is valid until the next call, and may be empty.
  // Chunks that ChatStreamRepair returned.
  Chunks from_chat(std::span<std::string const> chunks);
  // The data of one event of the engine's stream. "[DONE]" completes it. Fails when the event says
  // that the answer failed. What is not JSON is skipped and remembered (quality row U9).
  Result<Chunks> from_engine(std::string_view data);
  // The end of the engine's stream; `remainder` is what SseReader::remainder() left. A choice that
  // has no finish_reason gets one, if [DONE] was seen; else this fails with stream_truncated (U7),
  // or with bad_upstream_json when there was nothing but garbage.
  Result<Chunks> finish_engine(std::string_view remainder);
  bool done() const { return done_; }  // [DONE] was seen, for this prompt

  // After the last prompt: the usage, when it is passed on.
  Chunks finish();

  std::size_t text_bytes() const { return text_bytes_; }  // of answer text passed on
  std::string const& upstream_model() const { return upstream_model_; }
  bool has_usage() const { return has_usage_; }
  std::int64_t prompt_tokens() const { return prompt_tokens_; }
  std::int64_t completion_tokens() const { return completion_tokens_; }

 private:
  struct Choice {
    bool started = false;
    bool finished = false;
    std::int64_t logprobs_offset = 0;  // characters so far
  };

  void read_chat(std::string_view text);
  Result<void> read_engine(std::string_view data);
  void put(std::int64_t index, std::string text, boost::json::value logprobs,
           boost::json::value finish_reason, boost::json::object more);
  boost::json::value legacy_logprobs(Choice& choice, boost::json::object const& chat) const;
  void take_usage(boost::json::object const& chunk);
  boost::json::object head() const;

  Options options_;
  std::int64_t first_ = -1;  // index of this prompt's first choice
  std::string echo_;
  std::map<std::int64_t, Choice> choices_;  // of this prompt, by upstream's index
  bool done_ = false;
  std::size_t good_events_ = 0;
  std::size_t skipped_ = 0;
  std::string upstream_model_;
  std::size_t text_bytes_ = 0;
  // Of the prompts before this one, and of this one: upstream may say it more than once.
  std::int64_t prompt_tokens_ = 0, completion_tokens_ = 0;
  std::int64_t past_prompt_tokens_ = 0, past_completion_tokens_ = 0;
  bool has_usage_ = false;
  std::vector<std::string> out_;
};

// The whole `text_completion` from the chunks of one answer.
class CompletionAssembler {
 public:
  // A chunk of CompletionChunks.
  void add(std::string_view chunk);
  std::string completion() const;

 private:
  boost::json::object head_;
  boost::json::value usage_;
  std::map<std::int64_t, boost::json::object> choices_;
};

}  // namespace jumpseat
