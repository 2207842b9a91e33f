// Copilot's chat streams are not quite OpenAI's: a first chunk of filter results alone, chunks
// without `object`, blank ids, roles on every chunk, zero usage, Claude's tool calls that all claim
// index 0, errors after the 200, ends without an end. ChatStreamRepair turns each upstream event
// into what OpenAI's API reference ("The chat completion chunk object") promises, or into an error.
// An event that is right already keeps its own bytes, but for `model`, which is the name that was
// asked for. It does no I/O and reads no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chunk_pattern.h"
#include "protocol/json_text.h"
#include "protocol/result.h"

namespace jumpseat {

// Tokens counted by upstream for one answer: the whole `usage` object, as JSON.
struct ChatUsage {
  std::string object;
  // One of its counts; nothing when it is not there, or no whole number.
  std::optional<std::int64_t> count(std::string_view name) const {
    return whole_number_of(ObjectText(std::string_view(object)).at(name));
  }
};

class ChatAssembler;
struct PlainChunk;

class ChatStreamRepair {
 public:
  struct Options {
    std::string model;                   // goes into every chunk
    std::string (*make_id)() = nullptr;  // called when upstream never gives an id: "chatcmpl-…"
    std::int64_t created = 0;            // Unix seconds, used when upstream gives none
    // The usage chunk (`choices: []`) is passed on only when the caller asked for it; on other
    // chunks usage is removed.
    enum class Usage { pass_on, hold_back } usage = Usage::hold_back;
  };
  explicit ChatStreamRepair(Options options);
  ChatStreamRepair(ChatStreamRepair&&) noexcept;
  ChatStreamRepair& operator=(ChatStreamRepair&&) noexcept;
  ~ChatStreamRepair();

  // Before the first event: from now on no chunks are returned. They are put together in `whole`,
  // which lives as long as events come; those of plain events without becoming texts first.
  void put_together_in(ChatAssembler& whole) { whole_ = &whole; }

  // One event's data. Returns the chunks to pass on, in order (often one, sometimes none: filter
  // results alone are held back, usage is moved to a chunk of its own at the end); they are valid
  // until the next call. "[DONE]" returns nothing and completes the stream.
  // Fails when the event says that the answer failed (error member, finish_reason "error"):
  // upstream_interrupted or the code that upstream named, with the length of the text so far. An
  // event that is not JSON is skipped and remembered (quality row U9); one of several lines of
  // which each is JSON of its own counts as several events.
  Result<std::vector<std::string> const*> event(std::string_view data);

  // End of input. `remainder` is what SseReader::remainder() left. Returns the last chunks: what
  // the remainder holds, arguments and a finish_reason that upstream forgot, usage.
  // Fails with stream_truncated when a choice has no finish_reason and there was no [DONE] (U7) or
  // when there was no choice at all, with bad_upstream_json when there was nothing but garbage
  // (U9), or with the error that the remainder holds.
  Result<std::vector<std::string> const*> finish(std::string_view remainder);

  Options const& options() const { return options_; }
  bool done() const { return done_; }                     // [DONE] was seen
  bool finished() const;                                  // every choice has its finish_reason
  std::size_t text_bytes() const { return text_bytes_; }  // of answer text passed on
  std::string const& upstream_model() const { return upstream_model_; }
  std::optional<ChatUsage> const& usage() const { return usage_; }
  std::size_t skipped_events() const { return skipped_; }

 private:
  // Texts of upstream's, as they stand between the quotes.
  struct ToolCall {
    std::string id;    // may be empty
    std::string name;  // what has been passed on of it
    bool has_arguments = false;
  };
  struct Choice {
    std::vector<ToolCall> calls;  // by the index they go out with
    // Upstream's index -> the call that is being written there.
    std::map<std::int64_t, std::size_t> current;
    bool started = false;
    bool finished = false;
  };
  struct Learnt;  // the pattern of the events before

  Result<> read(std::string_view data);
  Result<bool> read_json(std::string_view data);
  Result<> read_remainder(std::string_view remainder);
  bool take_alike(std::string_view data);
  void learn(std::string_view data);
  Result<bool> read_object(JsonView text, std::string_view data);
  bool take_plain(JsonNode const& event);
  Result<> read_chunk(ObjectText& chunk, std::string_view data);
  void read_chunk_without_choices(ObjectText& chunk);
  void repair_head(ObjectText& chunk);
  bool take_usage(ObjectText& chunk);
  void note_usage(std::string_view usage);
  Result<> repair_choice(ObjectText& choice, std::int64_t position);
  void repair_delta(std::int64_t index, Choice& state, ObjectText& delta);
  void repair_tool_calls(std::int64_t index, Choice& state, ObjectText& delta);
  void repair_call(std::int64_t index, Choice& state, ObjectText& call);
  void repair_function(ToolCall& known, bool fresh, ObjectText& function);
  void repair_finish(std::int64_t index, Choice& state, ObjectText& choice, ObjectText& delta);
  void complete_arguments(std::int64_t index, Choice& state, ObjectText* delta);
  bool complete_call(ObjectText& delta, std::int64_t wanted);
  std::size_t find_call(Choice& state, ObjectText const& call, bool& fresh) const;
  void remember_head(ObjectText const& chunk);
  void pin_head();
  void put(std::string chunk);
  void put_chunk(std::string_view more);
  void put_choice(std::int64_t index, std::string_view delta, std::string_view finish_reason);
  std::string_view keep(std::string text);
  Error failed(Error error) const;

  Options options_;
  ChatAssembler* whole_ = nullptr;
  std::string quoted_model_;  // options_.model as JSON
  std::string id_;            // likewise
  std::int64_t created_ = 0;
  std::string upstream_model_;
  std::optional<ChatUsage> usage_;
  MergedObject usage_extras_;  // what else the chunk held that brought it
  std::map<std::int64_t, Choice> choices_;
  std::optional<Error> agent_error_;  // copilot_errors: why a stream may end without an answer
  std::unique_ptr<Learnt> learnt_;    // of a stream of chunks, from its first event on
  std::forward_list<std::string> written_;  // parts of the chunk at hand that are new
  std::vector<std::string> out_;
  std::size_t text_bytes_ = 0;
  std::size_t skipped_ = 0;
  std::size_t good_events_ = 0;
  bool done_ = false;
};

// Builds the whole `chat.completion` (OpenAI API reference, "The chat completion object") from the
// clean chunks of one stream. Texts that come in pieces are joined (content, refusal, reasoning and
// whatever else ends in `_text` or `_content`), log probabilities are appended; of other members,
// known or not, the last value counts.
class ChatAssembler {
 public:
  // A chunk that ChatStreamRepair returned.
  void add(std::string_view chunk);
  // One that it found nothing to mend in; `quoted_model` is what goes out as its `model`.
  void add(PlainChunk const& chunk, std::string_view quoted_model);
  // Of a stream whose chunks do not tell it.
  void set_usage(ChatUsage const& usage);
  // The answer as JSON; takes what was added. A call's missing arguments become "{}"; a
  // finish_reason of "stop" with tool calls becomes "tool_calls".
  std::string completion();

 private:
  struct Choice {
    MergedObject members;  // all but message
    MergedObject message;  // all but tool_calls
    std::map<std::int64_t, MergedObject> tool_calls;
  };
  bool add_match(std::string_view chunk);
  void add_read(std::string_view chunk);
  void settle();
  void learn(std::string_view chunk);
  void add_object(JsonView chunk);
  void add_choice(JsonView given);
  static void add_call(Choice& choice, JsonView given);
  std::string* find_text(std::int64_t choice, ChunkPattern::Piece const& piece);
  static void append_choice(std::string& out, std::int64_t index, Choice const& from,
                            std::string_view id);
  static std::string whole_calls(Choice const& from, std::int64_t index, std::string_view id,
                                 bool complete);

  MergedObject head_;
  std::map<std::int64_t, Choice> choices_;
  // The chunks that are alike: only their pieces are looked at.
  ChunkPattern pattern_;
  std::vector<std::string*> texts_;  // where they go, by piece
  std::string last_;                 // the newest of them when they hold more than pieces
  std::size_t misses_ = 0;
};

// A non-streamed answer made right: Claude's several choices merged into one when one was asked for
// (content joined, tool calls appended, finish_reason tool_calls preferred), `object`, `index`,
// `id`, `created` filled in, `model` set to `options.model`.
// Fails with bad_upstream_json, or with the error that a 200 body may hold.
Result<std::string> repair_completion(std::string_view body,
                                      ChatStreamRepair::Options const& options,
                                      std::int64_t answers);

}  // namespace jumpseat
