// Copilot's chat streams are not quite OpenAI's: a first chunk of filter results alone, chunks
// without `object`, blank ids, roles on every chunk, zero usage, Claude's tool calls that all claim
// index 0, errors after the 200, ends without an end. ChatStreamRepair turns each upstream event
// into what OpenAI's API reference ("The chat completion chunk object") promises, or into an error.
// An event that is right already keeps its own bytes, but for `model`, which is the name that was
// asked for. It does no I/O and reads no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>

#include "protocol/chunk_pattern.h"
#include "protocol/result.h"

namespace jumpseat {

// Tokens counted by upstream for one answer; the whole `usage` object is kept.
struct ChatUsage {
  boost::json::object object;
};

class ChatStreamRepair {
 public:
  struct Options {
    std::string model;         // goes into every chunk
    std::string fallback_id;   // used when upstream never gives an id, e.g. "chatcmpl-…"
    std::int64_t created = 0;  // Unix seconds, used when upstream gives none
    // The usage chunk (`choices: []`) is passed on only when the caller asked for it; on other
    // chunks usage is removed.
    enum class Usage { pass_on, hold_back } usage = Usage::hold_back;
  };
  explicit ChatStreamRepair(Options options);
  ChatStreamRepair(ChatStreamRepair&&) noexcept;
  ChatStreamRepair& operator=(ChatStreamRepair&&) noexcept;
  ~ChatStreamRepair();

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

  bool done() const { return done_; }                     // [DONE] was seen
  bool finished() const;                                  // every choice has its finish_reason
  std::size_t text_bytes() const { return text_bytes_; }  // of answer text passed on
  std::string const& upstream_model() const { return upstream_model_; }
  std::optional<ChatUsage> const& usage() const { return usage_; }
  std::size_t skipped_events() const { return skipped_; }

 private:
  struct ToolCall {
    std::string id;    // as upstream gave it; may be empty
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
  void take_match(ChunkPattern const& pattern);
  void learn(std::string_view data);
  Result<> read_chunk(boost::json::object& chunk, std::string_view data);
  void read_chunk_without_choices(boost::json::object& chunk);
  // These say whether they changed anything.
  bool repair_head(boost::json::object& chunk);
  bool take_usage(boost::json::object& chunk);
  Result<bool> repair_choice(boost::json::object& choice, std::int64_t position);
  bool repair_delta(std::int64_t index, Choice& state, boost::json::object& delta);
  bool repair_tool_calls(std::int64_t index, Choice& state, boost::json::array& calls);
  bool repair_finish(std::int64_t index, Choice& state, boost::json::object& choice);
  bool complete_arguments(std::int64_t index, Choice& state, boost::json::object* delta);
  std::size_t find_call(Choice& state, boost::json::object const& call, bool& fresh) const;
  void remember_head(boost::json::object const& chunk);
  void pin_head();
  void put_chunk(boost::json::object more);
  void put_choice(std::int64_t index, boost::json::object delta, boost::json::value finish_reason);
  Error failed(Error error) const;

  Options options_;
  std::string quoted_model_;  // options_.model as JSON
  std::string id_;
  std::int64_t created_ = 0;
  std::string upstream_model_;
  std::optional<ChatUsage> usage_;
  boost::json::object usage_extras_;  // what else the chunk held that brought it
  std::map<std::int64_t, Choice> choices_;
  std::optional<Error> agent_error_;  // copilot_errors: why a stream may end without an answer
  std::unique_ptr<Learnt> learnt_;
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
  // The answer as an object; takes what was added. A call's missing arguments become "{}"; a
  // finish_reason of "stop" with tool calls becomes "tool_calls".
  boost::json::object completion();

 private:
  struct Choice {
    explicit Choice(boost::json::storage_ptr const& memory) : members(memory), message(memory) {}
    boost::json::object members;  // all but message
    boost::json::object message;  // all but tool_calls
    std::map<std::int64_t, boost::json::object> tool_calls;
  };
  bool add_match(std::string_view chunk);
  void add_parsed(std::string_view chunk);
  void settle();
  void learn(std::string_view chunk);
  void add_choice(boost::json::object& given);
  void add_call(Choice& choice, boost::json::object& given);
  boost::json::string* find_text(std::int64_t choice, ChunkPattern::Piece const& piece);

  // Of everything that is parsed: nothing of it is freed before the end. The answer shares it.
  boost::json::storage_ptr memory_ =
      boost::json::make_shared_resource<boost::json::monotonic_resource>();
  boost::json::object head_{memory_};
  std::map<std::int64_t, Choice> choices_;
  // The chunks that are alike: only their pieces are looked at.
  ChunkPattern pattern_;
  std::vector<boost::json::string*> texts_;  // where they go, by piece
  std::string last_;                         // the newest of them when they hold more than pieces
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
