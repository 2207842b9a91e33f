// An event like the one before becomes its chunk by the pattern of that one. Any other is looked
// over member by member, in canonical form (json_text.h), which most have from the start; only one
// in which something is wrong is written anew.

#include "protocol/chat_stream.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>

#include "protocol/json.h"
#include "protocol/json_fields.h"
#include "protocol/json_text.h"
#include "protocol/plain_chunk.h"
#include "protocol/scan.h"
#include "protocol/upstream.h"

namespace jumpseat {
namespace {

// `data` as Boost.JSON writes it; nothing when it is no JSON.
std::optional<std::string> canonical(std::string_view data) {
  json::parse_options options;
  options.max_depth = max_json_depth;
  // What is parsed lives no longer than this call: thousands of streams share the stack.
  std::array<unsigned char, 3072> memory;
  std::array<unsigned char, 1024> stack;
  json::monotonic_resource resource(memory.data(), memory.size());
  json::parser parser(json::storage_ptr(), options, stack.data(), stack.size());
  parser.reset(&resource);
  boost::system::error_code not_json;
  parser.write(data, not_json);
  if (not_json) return std::nullopt;
  return json::serialize(parser.release());
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// An `error` that says something: not null, false, "" or {}.
bool says_something(std::string_view error) {
  return !error.empty() && !is_null(error) && error != "false" && error != "\"\"" && error != "{}";
}

// Whether the whole request failed, as the object has it, in its `error` or all by itself.
enum class Failure { none, in_error, bare };
Failure failure_of(ObjectText const& object) {
  if (says_something(object.at("error"))) return Failure::in_error;
  // The inner object without its wrapping.
  std::string_view const message = object.at("message");
  bool const bare = !object.contains("choices") && is_string(message) && message != "\"\"" &&
                    (object.contains("code") || object.at("type") == "\"error\"");
  return bare ? Failure::bare : Failure::none;
}

// `data` is the text of that object.
Error read_failure(Failure failure, std::string_view data) {
  json::value const whole = value_of(data);
  return read_inband_error(failure == Failure::bare ? whole : whole.at("error"));
}

bool is_number(std::string_view value) {
  return std::string_view("\"{[tfn").find(value.front()) == std::string_view::npos;
}

bool is_zero(std::string_view usage) {
  return std::ranges::none_of(ObjectText(usage), [](auto const& member) {
    return is_number(member.value) && whole_number_of(member.value) != 0;
  });
}

// What an agent reported in `copilot_errors`.
std::optional<Error> read_agent_errors(std::string_view errors) {
  if (!is_array(errors) || errors == "[]") return std::nullopt;
  std::string_view const first = *elements(errors).begin();
  if (!is_object(first)) return std::nullopt;
  ObjectText const error(first);
  std::string text = "The Copilot agent";
  std::string const agent = printable(unquoted(error.at("agent")), 100);
  if (!agent.empty()) text.append(" '").append(agent).append("'");
  text.append(" failed: ").append(printable(unquoted(error.at("message"))));
  return fail(ErrorCode::upstream_interrupted, std::move(text));
}

bool holds_object(JsonView array) {
  bool any = false;
  for_each_element(array, [&any](JsonView element) { any = any || is_object(element.text); });
  return any;
}

// What stands between the quotes; empty when `value` is no string.
std::string_view inside_string(std::string_view value) {
  return is_string(value) ? value.substr(1, value.size() - 2) : std::string_view();
}

// `data` with another value for its one `model` member; nothing when it has not exactly one or when
// a name occurs twice (the parsed object, of `members_parsed` members, then says less).
std::optional<std::string> restamp(std::string_view data, std::size_t members_parsed,
                                   std::string_view quoted_model) {
  std::string_view model;
  std::size_t models = 0;
  std::size_t count = 0;
  for (Member const& member : members(data)) {
    ++count;
    if (member.key == "model") {
      ++models;
      model = member.value;
    }
  }
  if (models != 1 || count != members_parsed) return std::nullopt;
  auto const at = static_cast<std::size_t>(model.data() - data.data());
  std::string out;
  out.reserve(data.size() - model.size() + quoted_model.size());
  out.append(data.substr(0, at)).append(quoted_model).append(data.substr(at + model.size()));
  return out;
}

// Arguments are a string that holds JSON; some models send the JSON itself. Returns whether
// anything was changed.
bool repair_arguments(json::object& function) {
  json::value* const arguments = function.if_contains("arguments");
  if (arguments == nullptr || arguments->is_string()) return false;
  if (arguments->is_null()) {
    function.stable_erase("arguments");
  } else {
    *arguments = json::serialize(*arguments);
  }
  return true;
}

bool erase_null(json::object& object, std::string_view key) {
  json::value const* const value = object.if_contains(key);
  if (value == nullptr || !value->is_null()) return false;
  object.stable_erase(key);
  return true;
}

bool cut_short(std::string_view finish_reason) {
  return finish_reason == "length" || finish_reason == "content_filter";
}

// Puts what a chunk says about `key` to what was said before.
void merge(json::object& into, std::string_view key, json::value&& value) {
  json::value* const old = into.if_contains(key);
  if (old == nullptr || old->is_null()) {
    into[key] = std::move(value);
  } else if (value.is_null()) {
    return;
  } else if (old->is_string() && value.is_string() && comes_in_pieces(key)) {
    old->get_string().append(value.get_string());
  } else if (old->is_array() && value.is_array()) {
    for (json::value& element : value.get_array()) old->get_array().push_back(std::move(element));
  } else if (old->is_object() && value.is_object()) {
    for (auto& member : value.get_object()) {
      merge(old->get_object(), member.key(), std::move(member.value()));
    }
  } else {
    *old = std::move(value);
  }
}

// A function's name comes whole as a rule; one that is repeated is the same name still.
void merge_function(MergedObject& into, JsonView function) {
  for (auto const& member : ObjectText(function)) {
    std::string* const known =
        member.key == "name" && is_string(member.value) ? into.find_string("name") : nullptr;
    if (known == nullptr) {
      into.merge(member.key, member.value);
    } else if (*known != member.value) {
      append_string(*known, member.value);
    }
  }
}

// The calls of a whole message as OpenAI writes them. `name` makes the ids that are missing.
void complete_calls(json::array& calls, std::string const& name, bool complete) {
  std::size_t position = 0;
  for (auto at = calls.begin(); at != calls.end();) {
    auto* const call = at->if_object();
    if (call == nullptr) {
      at = calls.erase(at);
      continue;
    }
    call->stable_erase("index");
    if (text_at(*call, "id").empty()) (*call)["id"] = name + "_" + std::to_string(position);
    if (text_at(*call, "type").empty()) (*call)["type"] = "function";
    if (text_at(*call, "type") == "function") {
      json::value& function = (*call)["function"];
      if (!function.is_object()) function = json::object();
      repair_arguments(function.get_object());
      if (text_at(function.get_object(), "arguments").empty()) {
        function.get_object()["arguments"] = complete ? "{}" : "";
      }
    }
    ++position;
    ++at;
  }
}

// The first events of an answer differ from all others, and a short answer has no others. A stream
// whose events are all different is not studied each time.
bool worth_learning(std::size_t misses) {
  constexpr std::size_t first = 3;
  constexpr std::size_t eager = 8;
  return misses >= first && (misses <= eager || misses % 16 == 0);
}

}  // namespace

// ---- ChatStreamRepair ----

struct ChatStreamRepair::Learnt {
  ChunkPattern pattern;
  std::size_t misses = 0;  // events in a row that it did not fit
  std::string used;        // an earlier chunk, whose memory the next one takes
};

ChatStreamRepair::ChatStreamRepair(Options options)
    : options_(std::move(options)), quoted_model_(quote(options_.model)) {}

ChatStreamRepair::ChatStreamRepair(ChatStreamRepair&&) noexcept = default;
ChatStreamRepair& ChatStreamRepair::operator=(ChatStreamRepair&&) noexcept = default;
ChatStreamRepair::~ChatStreamRepair() = default;

bool ChatStreamRepair::finished() const {
  return !choices_.empty() &&
         std::ranges::all_of(choices_, [](auto const& choice) { return choice.second.finished; });
}

Error ChatStreamRepair::failed(Error error) const {
  return std::move(error).with_partial_length(text_bytes_);
}

Result<std::vector<std::string> const*> ChatStreamRepair::event(std::string_view data) {
  if (!out_.empty() && learnt_) learnt_->used = std::move(out_.front());
  out_.clear();
  auto const result = read(data);
  if (!result) return result.error();
  return &out_;
}

Result<> ChatStreamRepair::read(std::string_view data) {
  data = trim(data);
  auto const whole = read_json(data);
  if (!whole) return whole.error();
  if (*whole) return {};
  // Not JSON. Several data lines that no blank line parts are one event by the standard, but
  // Copilot may have meant one each.
  while (!data.empty()) {
    std::size_t const end = data.find('\n');
    std::string_view const line = trim(data.substr(0, end));
    data.remove_prefix(end == std::string_view::npos ? data.size() : end + 1);
    auto const one = read_json(line);
    if (!one) return one.error();
    if (!*one) ++skipped_;
  }
  return {};
}

// False: `data` is not JSON.
Result<bool> ChatStreamRepair::read_json(std::string_view data) {
  if (data.empty() || done_) return true;
  if (data == "[DONE]") {
    done_ = true;
    return true;
  }
  if (whole_ == nullptr && take_alike(data)) return true;
  if (JsonIndex index; index.read(data)) {
    if (whole_ != nullptr && take_plain(index.root())) return true;
    return read_object(index.root(), data);
  }
  auto const text = canonical(data);
  if (!text) return false;
  return read_object(std::string_view(*text), data);
}

// `text` is what `data` says, in canonical form. Never false.
Result<bool> ChatStreamRepair::read_object(JsonView text, std::string_view data) {
  if (!is_object(text.text)) {
    ++skipped_;
    return true;
  }
  ObjectText chunk(text);
  if (auto const failure = failure_of(chunk); failure != Failure::none) {
    return failed(read_failure(failure, data));
  }
  auto const taken = read_chunk(chunk, data);
  written_.clear();
  if (!taken) return taken.error();
  return true;
}

// Does for an event without faults what read_chunk() would do. False: it is not one, as this stream
// stands, and nothing has happened.
bool ChatStreamRepair::take_plain(JsonNode const& event) {
  auto const chunk = plain_chunk(event);
  if (!chunk) return false;
  bool const same_head =
      (id_.empty() || chunk->id == id_) && (created_ <= 0 || chunk->created == created_);
  if (!same_head) return false;
  bool const ends = !chunk->finish_reason.empty();
  auto const known = choices_.find(chunk->choice);
  if (ends && known != choices_.end() && (known->second.finished || !known->second.calls.empty())) {
    return false;
  }
  ++good_events_;
  if (id_.empty()) id_ = chunk->id;
  created_ = chunk->created;
  if (upstream_model_.empty()) upstream_model_ = unquoted(chunk->model);
  if (!chunk->usage.empty()) note_usage(chunk->usage);
  text_bytes_ += text_size(chunk->content);
  Choice& state = known != choices_.end() ? known->second : choices_[chunk->choice];
  state.started = true;
  state.finished = state.finished || ends;
  whole_->add(*chunk, quoted_model_);
  return true;
}

// False: it is not like the events before.
bool ChatStreamRepair::take_alike(std::string_view data) {
  if (!learnt_) learnt_ = std::make_unique<Learnt>();
  ChunkPattern& pattern = learnt_->pattern;
  if (!pattern.match(data)) {
    pattern.forget();
    ++learnt_->misses;
    return false;
  }
  learnt_->misses = 0;
  ++good_events_;
  for (ChunkPattern::Piece const& piece : pattern.pieces()) {
    if (piece.key == "content" && !piece.call) text_bytes_ += pattern.text_size(piece);
  }
  out_.push_back(pattern.chunk(std::move(learnt_->used)));
  return true;
}

// After an event that made one chunk. The first delta of an answer or of a call, and a last one,
// change what the next event means.
void ChatStreamRepair::learn(std::string_view data) {
  if (out_.size() == 1 && !finished() && worth_learning(learnt_->misses)) {
    learnt_->pattern.learn(data, out_.front());
  }
}

Result<> ChatStreamRepair::read_chunk(ObjectText& chunk, std::string_view data) {
  if (auto error = read_agent_errors(chunk.at("copilot_errors"))) agent_error_ = std::move(error);
  JsonView const choices = chunk.text_at("choices");
  if (choices.text.empty() || is_null(choices.text) || choices.text == "[]") {
    read_chunk_without_choices(chunk);
    return {};
  }
  if (!holds_object(choices)) {
    ++skipped_;
    return {};
  }
  ++good_events_;
  remember_head(chunk);
  pin_head();
  ArrayText repaired;
  std::int64_t position = 0;
  Result<> good;
  for_each_element(choices, [&](JsonView element) {
    if (!is_object(element.text)) return repaired.leave_out();
    if (!good) return;
    ObjectText choice(element);
    good = repair_choice(choice, position++);
    repaired.add(choice);
  });
  if (!good) return good;
  if (repaired.changed()) chunk.set("choices", keep(std::move(repaired).text()));
  repair_head(chunk);
  take_usage(chunk);
  auto same = chunk.changed() ? std::nullopt : restamp(data, chunk.size(), quoted_model_);
  if (!same) {
    chunk.set("model", quoted_model_);
    same = chunk.text();
  }
  put(std::move(*same));
  learn(data);
  return {};
}

// Chunks without choices: results of the content filter, usage, and what agents have to say.
void ChatStreamRepair::read_chunk_without_choices(ObjectText& chunk) {
  constexpr std::array<std::string_view, 7> known = {
      "id", "object", "created", "model", "choices", "usage", "prompt_filter_results"};
  remember_head(chunk);
  bool const has_usage = is_object(chunk.at("usage"));
  bool const has_choices = chunk.contains("choices");
  if (take_usage(chunk) && usage_ && has_usage) {
    for (auto const& member : chunk) {
      if (std::ranges::find(known, member.key) == known.end()) {
        usage_extras_.set(member.key, member.value);
      }
    }
  }
  bool const from_agent = std::ranges::any_of(chunk, [](auto const& member) {
    return member.key.starts_with("copilot_") && member.key != "copilot_usage" &&
           !is_null(member.value);
  });
  if (!from_agent && !has_choices && !has_usage) {
    ++skipped_;
    return;
  }
  ++good_events_;
  if (!from_agent) return;
  pin_head();
  repair_head(chunk);
  chunk.set("model", quoted_model_);
  // OpenAI knows no choices at all only on the usage chunk, which a caller asks for; programs look
  // at the first one of any other chunk. So this has one, in which nothing is new.
  chunk.set("choices", R"([{"index":0,"delta":{},"finish_reason":null}])");
  put(chunk.text());
}

// A text that an event's members may point to until the next one.
std::string_view ChatStreamRepair::keep(std::string text) {
  return written_.emplace_front(std::move(text));
}

void ChatStreamRepair::remember_head(ObjectText const& chunk) {
  if (id_.empty() && is_string(chunk.at("id")) && chunk.at("id") != "\"\"") id_ = chunk.at("id");
  if (created_ <= 0) created_ = whole_number_of(chunk.at("created")).value_or(0);
  if (upstream_model_.empty()) upstream_model_ = unquoted(chunk.at("model"));
}

// Once a chunk has gone out, its id and time stay.
void ChatStreamRepair::pin_head() {
  if (id_.empty()) id_ = quote(options_.make_id());
  if (created_ <= 0) created_ = options_.created;
}

void ChatStreamRepair::repair_head(ObjectText& chunk) {
  constexpr std::string_view kind = R"("chat.completion.chunk")";
  if (chunk.at("object") != kind) chunk.set("object", kind);
  if (chunk.at("id") != id_) chunk.set("id", id_);
  if (whole_number_of(chunk.at("created")) != created_) {
    chunk.set("created", keep(std::to_string(created_)));
  }
}

// Returns whether the chunk had one that it loses.
bool ChatStreamRepair::take_usage(ObjectText& chunk) {
  std::string_view const usage = chunk.at("usage");
  if (usage.empty()) return false;
  note_usage(usage);
  // OpenAI writes `usage: null` on every chunk but the last when usage was asked for.
  if (is_null(usage) && options_.usage == Options::Usage::pass_on) return false;
  return chunk.erase("usage");
}

void ChatStreamRepair::note_usage(std::string_view usage) {
  if (is_object(usage) && !is_zero(usage)) usage_.emplace(ChatUsage{std::string(usage)});
}

Result<> ChatStreamRepair::repair_choice(ObjectText& choice, std::int64_t position) {
  auto index = whole_number_of(choice.at("index"));
  if (!index || *index < 0) {
    index = position;
    choice.set("index", keep(std::to_string(position)));
  }
  if (choice.at("finish_reason") == R"("error")") {
    return failed(
        fail(ErrorCode::upstream_interrupted,
             "GitHub Copilot broke off the answer (finish_reason \"error\"). Ask again."));
  }
  Choice& state = choices_[*index];
  if (!is_object(choice.at("delta"))) {
    std::string_view const message = choice.at("message");
    bool const whole = is_object(message);
    if (whole) choice.erase("message");
    choice.set("delta", whole ? message : "{}");
  }
  ObjectText delta(choice.text_at("delta"));
  repair_delta(*index, state, delta);
  repair_finish(*index, state, choice, delta);
  if (delta.changed()) choice.set("delta", keep(delta.text()));
  return {};
}

void ChatStreamRepair::repair_delta(std::int64_t index, Choice& state, ObjectText& delta) {
  std::string_view const role = delta.at("role");
  // Not the assistant speaking: an agent's references travel under this role.
  if (role == R"("function")" || role == R"("tool")") return;

  bool const first = !state.started;
  state.started = true;
  if (first) {
    if (role != R"("assistant")") delta.set("role", R"("assistant")");
  } else {
    delta.erase("role");
    delta.erase_null("content");
  }
  text_bytes_ += text_size(delta.at("content"));

  if (holds_object(delta.text_at("tool_calls"))) {
    repair_tool_calls(index, state, delta);
  } else {
    delta.erase("tool_calls");
  }
  delta.erase_null("function_call");
}

// The call that a delta goes on with; a new one where it begins another. Claude's calls all come
// under index 0, told apart by their ids; others leave out the index, or the id.
std::size_t ChatStreamRepair::find_call(Choice& state, ObjectText const& call, bool& fresh) const {
  auto& calls = state.calls;
  auto const upstream_index = whole_number_of(call.at("index"));
  std::string_view const id = inside_string(call.at("id"));
  bool const named = !inside_string(ObjectText(call.text_at("function")).at("name")).empty();
  fresh = false;
  if (!id.empty()) {
    auto const known = std::ranges::find(calls, id, &ToolCall::id);
    if (known != calls.end()) return static_cast<std::size_t>(known - calls.begin());
  }
  std::optional<std::size_t> at;
  if (upstream_index) {
    auto const current = state.current.find(*upstream_index);
    if (current != state.current.end()) at = current->second;
  } else if (!calls.empty()) {
    at = calls.size() - 1;
  }
  if (at) {
    ToolCall& current = calls[*at];
    bool const other_id = !id.empty() && !current.id.empty();
    bool const other_name = current.id.empty() && named && !current.name.empty();
    if (!other_id && !other_name) {
      if (!id.empty()) current.id = id;  // it comes late
      return *at;
    }
  }
  fresh = true;
  calls.push_back(ToolCall{std::string(id), {}, false});
  return calls.size() - 1;
}

void ChatStreamRepair::repair_tool_calls(std::int64_t index, Choice& state, ObjectText& delta) {
  ArrayText repaired;
  for_each_element(delta.text_at("tool_calls"), [&](JsonView element) {
    if (!is_object(element.text)) return repaired.leave_out();
    ObjectText call(element);
    repair_call(index, state, call);
    repaired.add(call);
  });
  if (repaired.changed()) delta.set("tool_calls", keep(std::move(repaired).text()));
}

void ChatStreamRepair::repair_call(std::int64_t index, Choice& state, ObjectText& call) {
  auto const upstream_index = whole_number_of(call.at("index"));
  bool fresh = false;
  std::size_t const which = find_call(state, call, fresh);
  auto const out_index = static_cast<std::int64_t>(which);
  state.current[upstream_index.value_or(out_index)] = which;
  ToolCall& known = state.calls[which];
  if (upstream_index != out_index) call.set("index", keep(std::to_string(out_index)));
  if (fresh) {
    if (known.id.empty()) {
      // Without an id nobody could send the call's result back.
      std::string id = "\"call_";
      id.append(inside_string(id_)).append("_").append(std::to_string(index));
      id.append("_").append(std::to_string(which)).append("\"");
      call.set("id", keep(std::move(id)));
    }
    if (inside_string(call.at("type")).empty()) call.set("type", R"("function")");
    if (call.at("type") != R"("function")") {
      known.has_arguments = true;  // it has none, whatever comes
    } else if (!is_object(call.at("function"))) {
      call.set("function", "{}");
    }
  } else {
    // The id is said once: there are callers who join what they get.
    call.erase("id");
    call.erase_null("type");
    call.erase_null("function");
  }
  if (!is_object(call.at("function"))) return;
  ObjectText function(call.text_at("function"));
  repair_function(known, fresh, function);
  if (function.changed()) call.set("function", keep(function.text()));
}

void ChatStreamRepair::repair_function(ToolCall& known, bool fresh, ObjectText& function) {
  // Arguments are a string that holds JSON; some models send the JSON itself.
  std::string_view const arguments = function.at("arguments");
  if (is_null(arguments)) {
    function.erase("arguments");
  } else if (!arguments.empty() && !is_string(arguments)) {
    function.set("arguments", keep(quote(arguments)));
  }
  if (fresh && !function.contains("arguments")) function.set("arguments", R"("")");
  if (!inside_string(function.at("arguments")).empty()) known.has_arguments = true;
  std::string_view const name = inside_string(function.at("name"));
  if (!fresh && (name.empty() || name == known.name)) {
    function.erase("name");
  } else {
    known.name.append(name);
  }
}

void ChatStreamRepair::repair_finish(std::int64_t index, Choice& state, ObjectText& choice,
                                     ObjectText& delta) {
  std::string_view const reason = choice.at("finish_reason");
  if (is_null(reason)) return;
  // Absent, empty, of another type, or said before.
  if (inside_string(reason).empty() || state.finished) return choice.set("finish_reason", "null");
  if (reason == R"("stop")" && !state.calls.empty()) {
    choice.set("finish_reason", R"("tool_calls")");
  }
  state.finished = true;
  if (!cut_short(inside_string(reason))) complete_arguments(index, state, &delta);
}

// Calls of a function without parameters may end without arguments; callers expect "{}". They go
// into `delta` where it has that very call, else into a chunk of their own, ahead.
void ChatStreamRepair::complete_arguments(std::int64_t index, Choice& state, ObjectText* delta) {
  for (std::size_t i = 0; i < state.calls.size(); ++i) {
    if (state.calls[i].has_arguments) continue;
    state.calls[i].has_arguments = true;
    if (delta != nullptr && complete_call(*delta, static_cast<std::int64_t>(i))) continue;
    put_choice(
        index,
        R"({"tool_calls":[{"index":)" + std::to_string(i) + R"(,"function":{"arguments":"{}"}}]})",
        "null");
  }
}

// False: `delta` has no such call, or one without a function. Of several calls the last one counts.
bool ChatStreamRepair::complete_call(ObjectText& delta, std::int64_t wanted) {
  std::string_view last;
  for_each_element(delta.text_at("tool_calls"), [&](JsonView call) {
    if (whole_number_of(ObjectText(call).at("index")) == wanted) last = call.text;
  });
  if (!is_object(ObjectText(last).at("function"))) return false;
  ArrayText completed;
  for_each_element(delta.text_at("tool_calls"), [&](JsonView element) {
    ObjectText call(element);
    if (element.text.data() == last.data()) {
      ObjectText function(call.text_at("function"));
      function.set("arguments", R"("{}")");
      call.set("function", keep(function.text()));
    }
    completed.add(call);
  });
  delta.set("tool_calls", keep(std::move(completed).text()));
  return true;
}

void ChatStreamRepair::put(std::string chunk) {
  if (whole_ != nullptr) {
    whole_->add(chunk);
  } else {
    out_.push_back(std::move(chunk));
  }
}

// A chunk with `more` behind its head: members, with the comma before each.
void ChatStreamRepair::put_chunk(std::string_view more) {
  pin_head();
  std::string chunk = R"({"id":)";
  chunk.append(id_).append(R"(,"object":"chat.completion.chunk","created":)");
  chunk.append(std::to_string(created_)).append(R"(,"model":)").append(quoted_model_);
  chunk.append(more).append("}");
  put(std::move(chunk));
}

void ChatStreamRepair::put_choice(std::int64_t index, std::string_view delta,
                                  std::string_view finish_reason) {
  std::string more = R"(,"choices":[{"index":)" + std::to_string(index);
  more.append(R"(,"delta":)").append(delta);
  more.append(R"(,"finish_reason":)").append(finish_reason).append("}]");
  put_chunk(more);
}

Result<> ChatStreamRepair::read_remainder(std::string_view remainder) {
  std::string data;
  while (!remainder.empty()) {
    std::size_t const end = remainder.find_first_of("\r\n");
    std::string_view const line = remainder.substr(0, end);
    std::string_view const name = line.substr(0, line.find(':'));
    if (name == "data") {
      std::string_view const value = line.substr(std::min(line.size(), name.size() + 1));
      if (!data.empty()) data.push_back('\n');
      data.append(value);
    } else if (!name.empty() && name != "event" && name != "id" && name != "retry") {
      break;  // bare text, perhaps an error
    }
    remainder.remove_prefix(end == std::string_view::npos ? remainder.size() : end + 1);
  }
  // Half an event at the end is not garbage: it says that the stream broke off.
  std::size_t const skipped = skipped_;
  auto const result = read(data);
  if (!result) return result;
  skipped_ = skipped;
  return read(remainder);
}

Result<std::vector<std::string> const*> ChatStreamRepair::finish(std::string_view remainder) {
  out_.clear();
  auto const rest = read_remainder(remainder);
  if (!rest) return rest.error();
  if (good_events_ == 0 && skipped_ > 0) {
    return fail(ErrorCode::bad_upstream_json,
                "GitHub Copilot's stream held nothing that could be read (" +
                    std::to_string(skipped_) + " events skipped). Ask again.");
  }
  if (choices_.empty() || (!done_ && !finished())) {
    if (agent_error_) return failed(*agent_error_);
    return failed(fail(ErrorCode::stream_truncated,
                       "GitHub Copilot's answer broke off: the stream ended before the answer did. "
                       "Ask again."));
  }
  for (auto& [index, state] : choices_) {
    if (state.finished) continue;
    complete_arguments(index, state, nullptr);
    state.finished = true;
    put_choice(index, state.started ? "{}" : R"({"role":"assistant"})",
               state.calls.empty() ? R"("stop")" : R"("tool_calls")");
  }
  if (usage_ && options_.usage == Options::Usage::pass_on) {
    std::string more = R"(,"choices":[],"usage":)" + usage_->object;
    if (!usage_extras_.empty()) {
      std::string extras;
      usage_extras_.append_to(extras);
      more.append(",").append(std::string_view(extras).substr(1, extras.size() - 2));
    }
    put_chunk(more);
  }
  return &out_;
}

// ---- ChatAssembler ----

void ChatAssembler::add(std::string_view chunk) {
  if (add_match(chunk)) return;
  settle();
  pattern_.forget();
  ++misses_;
  add_read(chunk);
  if (worth_learning(misses_)) learn(chunk);
}

bool ChatAssembler::add_match(std::string_view chunk) {
  if (!pattern_.match(chunk)) return false;
  misses_ = 0;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    std::string_view const value = pattern_.value(pattern_.pieces()[i]);
    if (canonical_string_length(value) == value.size()) {
      append_string(*texts_[i], value);
    } else {
      append_string(*texts_[i], quote(unescape(value)));
    }
  }
  if (!pattern_.only_pieces()) last_ = chunk;
  return true;
}

// Of the chunks that were alike the last one counts, but for its pieces, which are there already.
void ChatAssembler::settle() {
  if (last_.empty()) return;
  if (pattern_.match(last_)) add_read(pattern_.chunk_without_pieces());
  last_.clear();
}

// The places stay what they are until something else is added.
void ChatAssembler::learn(std::string_view chunk) {
  pattern_.learn(chunk, chunk);
  texts_.clear();
  for (ChunkPattern::Piece const& piece : pattern_.pieces()) {
    std::string* const text = find_text(pattern_.choice(), piece);
    if (text == nullptr) return pattern_.forget();
    texts_.push_back(text);
  }
}

std::string* ChatAssembler::find_text(std::int64_t index, ChunkPattern::Piece const& piece) {
  auto const choice = choices_.find(index);
  if (choice == choices_.end()) return nullptr;
  if (!piece.call) return choice->second.message.find_string(piece.key);
  auto const call = choice->second.tool_calls.find(*piece.call);
  if (call == choice->second.tool_calls.end()) return nullptr;
  return call->second.object("function").find_string(piece.key);
}

void ChatAssembler::add_read(std::string_view chunk) {
  if (JsonIndex index; index.read(chunk)) return add_object(index.root());
  auto const parsed = parse_json(chunk);
  if (parsed) add_object(std::string_view(json::serialize(*parsed)));
}

void ChatAssembler::add_object(JsonView text) {
  for (auto const& member : ObjectText(text)) {
    if (member.key == "object") continue;
    if (member.key == "choices") {
      for_each_element(member.text(), [this](JsonView choice) {
        if (is_object(choice.text)) add_choice(choice);
      });
    } else if (member.key == "usage") {
      if (is_object(member.value)) head_.set("usage", member.value);
    } else {
      head_.merge(member.key, member.value);
    }
  }
}

void ChatAssembler::add_choice(JsonView text) {
  ObjectText const given(text);
  Choice& choice = choices_[whole_number_of(given.at("index")).value_or(0)];
  for (auto const& member : given) {
    if (member.key == "index" || member.key == "delta" || member.key == "message") continue;
    choice.members.merge(member.key, member.value);
  }
  ObjectText const delta(given.text_at("delta"));
  std::string_view const role = delta.at("role");
  // An agent's references are not answer text.
  if (role == R"("function")" || role == R"("tool")") return;
  for (auto const& member : delta) {
    if (member.key == "role") continue;
    if (member.key == "tool_calls") {
      for_each_element(member.text(), [&choice](JsonView call) {
        if (is_object(call.text)) add_call(choice, call);
      });
    } else if (member.key == "function_call" && is_object(member.value)) {
      merge_function(choice.message.object("function_call"), member.text());
    } else {
      choice.message.merge(member.key, member.value);
    }
  }
}

void ChatAssembler::add(PlainChunk const& chunk, std::string_view quoted_model) {
  settle();
  pattern_.forget();
  if (head_.empty()) {
    head_.set("id", chunk.id);
    head_.set("created", std::to_string(chunk.created));
    head_.set("model", quoted_model);
  }
  for (JsonNode const* const other : chunk.others) head_.merge(other->key, other->value);
  Choice& choice = choices_[chunk.choice];
  for (JsonNode const* const other : chunk.choice_others) {
    choice.members.merge(other->key, other->value);
  }
  if (!chunk.finish_reason.empty()) choice.members.merge("finish_reason", chunk.finish_reason);
  if (!chunk.content.empty()) choice.message.merge("content", chunk.content);
  for (JsonNode const* const other : chunk.delta_others) {
    choice.message.merge(other->key, other->value);
  }
}

void ChatAssembler::add_call(Choice& choice, JsonView text) {
  ObjectText const given(text);
  MergedObject& call = choice.tool_calls[whole_number_of(given.at("index")).value_or(0)];
  for (auto const& member : given) {
    if (member.key == "index") continue;
    if (member.key == "function" && is_object(member.value)) {
      merge_function(call.object("function"), member.text());
    } else {
      call.merge(member.key, member.value);
    }
  }
}

void ChatAssembler::set_usage(ChatUsage const& usage) { head_.set("usage", usage.object); }

std::string ChatAssembler::completion() {
  settle();
  pattern_.forget();
  std::string_view id = head_.at("id");
  if (!is_string(id)) id = R"("")";
  std::size_t text = 0;
  for (auto const& [index, choice] : choices_) text += choice.message.at("content").size();
  constexpr std::size_t usual_rest = 1000;
  std::string out = R"({"id":)";
  out.reserve(text + usual_rest);
  out.append(id).append(R"(,"object":"chat.completion")");
  for (auto const& member : head_) {
    if (member.key != "id" && member.key != "usage") member.append_named(out);
  }
  out.append(R"(,"choices":[)");
  for (auto const& [index, choice] : choices_) {
    if (out.back() != '[') out.push_back(',');
    append_choice(out, index, choice, id);
  }
  out.push_back(']');
  std::string_view const usage = head_.at("usage");
  if (!usage.empty()) out.append(R"(,"usage":)").append(usage);
  out.push_back('}');
  return out;
}

void ChatAssembler::append_choice(std::string& out, std::int64_t index, Choice const& from,
                                  std::string_view id) {
  std::string_view reason = inside_string(from.members.at("finish_reason"));
  out.append(R"({"index":)").append(std::to_string(index));
  out.append(R"(,"message":{"role":"assistant","content":)");
  from.message.append_value(out, "content");
  out.append(R"(,"refusal":)");
  from.message.append_value(out, "refusal");
  for (auto const& member : from.message) {
    if (member.key != "content" && member.key != "refusal") member.append_named(out);
  }
  if (!from.tool_calls.empty()) {
    if (reason == "stop") reason = "tool_calls";
    out.append(R"(,"tool_calls":)").append(whole_calls(from, index, id, !cut_short(reason)));
  }
  out.append(R"(},"logprobs":)");
  from.members.append_value(out, "logprobs");
  for (auto const& member : from.members) {
    if (member.key != "logprobs" && member.key != "finish_reason") member.append_named(out);
  }
  out.append(R"(,"finish_reason":)");
  if (reason.empty()) {
    out.append("null}");
  } else {
    out.append("\"").append(reason).append("\"}");
  }
}

std::string ChatAssembler::whole_calls(Choice const& from, std::int64_t index, std::string_view id,
                                       bool complete) {
  std::string text = "[";
  for (auto const& [call_index, call] : from.tool_calls) {
    if (text.size() > 1) text.push_back(',');
    call.append_to(text);
  }
  text.push_back(']');
  json::value calls = value_of(text);
  std::string name = "call_";
  name.append(unquoted(id)).append("_").append(std::to_string(index));
  complete_calls(calls.get_array(), name, complete);
  return json::serialize(calls);
}

// ---- Whole answers ----

namespace {

// Puts the parts of an answer that came as several choices into the first of them.
void merge_choices(json::array& choices) {
  json::object& first = choices.front().get_object();
  std::string best(text_at(first, "finish_reason"));
  for (std::size_t i = 1; i < choices.size(); ++i) {
    json::object& choice = choices[i].get_object();
    if (std::string_view const reason = text_at(choice, "finish_reason");
        !reason.empty() && best != "tool_calls") {
      best = reason;
    }
    for (auto& member : choice) {
      std::string_view const key = member.key();
      if (key == "index" || key == "finish_reason") continue;
      if (key == "message" && member.value().is_object() && first.contains("message") &&
          first.at("message").is_object()) {
        json::object& message = first.at("message").get_object();
        for (auto& part : member.value().get_object()) {
          merge(message, part.key(), std::move(part.value()));
        }
      } else {
        merge(first, key, std::move(member.value()));
      }
    }
  }
  first["finish_reason"] = best;
  choices.erase(choices.begin() + 1, choices.end());
}

// False: upstream says that it gave up.
bool repair_whole_choice(json::object& choice, std::int64_t position, std::string const& id) {
  if (text_at(choice, "finish_reason") == "error") return false;
  choice["index"] = position;
  json::value& message_value = choice["message"];
  if (!message_value.is_object()) message_value = json::object();
  json::object& message = message_value.get_object();
  message["role"] = "assistant";
  if (!message.contains("content")) message["content"] = nullptr;
  erase_null(message, "function_call");
  std::string reason(text_at(choice, "finish_reason"));
  bool has_calls = false;
  if (json::value* const calls = message.if_contains("tool_calls")) {
    if (calls->is_array()) {
      complete_calls(calls->get_array(), "call_" + id + "_" + std::to_string(position),
                     !cut_short(reason));
      has_calls = !calls->get_array().empty();
    }
    if (!has_calls) message.stable_erase("tool_calls");
  }
  if (reason.empty() || (reason == "stop" && has_calls)) reason = has_calls ? "tool_calls" : "stop";
  choice["finish_reason"] = reason;
  return true;
}

}  // namespace

Result<std::string> repair_completion(std::string_view body,
                                      ChatStreamRepair::Options const& options,
                                      std::int64_t answers) {
  auto parsed = parse_json(body);
  if (!parsed || !parsed->is_object()) {
    return fail(ErrorCode::bad_upstream_json,
                "GitHub Copilot's answer is not a JSON object. Ask again.")
        .with_detail(printable(body, 200));
  }
  json::object& answer = parsed->get_object();
  if (answer.contains("error") || !answer.contains("choices")) {
    std::string const text = json::serialize(answer);
    auto const failure = failure_of(ObjectText(std::string_view(text)));
    if (failure != Failure::none) return read_failure(failure, body);
  }
  json::value* const choices_value = answer.if_contains("choices");
  json::array* const choices = choices_value == nullptr ? nullptr : choices_value->if_array();
  if (choices != nullptr) {
    choices->erase(std::remove_if(choices->begin(), choices->end(),
                                  [](json::value const& v) { return !v.is_object(); }),
                   choices->end());
  }
  if (choices == nullptr || choices->empty()) {
    if (json::value const* const errors = answer.if_contains("copilot_errors")) {
      if (auto const error = read_agent_errors(json::serialize(*errors))) return *error;
    }
    return fail(ErrorCode::bad_upstream_json,
                "GitHub Copilot's answer holds no choices. Ask again.")
        .with_detail(printable(body, 200));
  }
  if (text_at(answer, "id").empty()) answer["id"] = options.make_id();
  std::string const id(text_at(answer, "id"));
  answer["object"] = "chat.completion";
  if (whole_number_at(answer, "created").value_or(0) <= 0) answer["created"] = options.created;
  answer["model"] = options.model;
  // Adding members may have moved the array.
  json::array& list = answer.at("choices").get_array();
  if (answers == 1 && list.size() > 1) merge_choices(list);
  std::int64_t position = 0;
  for (json::value& choice : list) {
    if (!repair_whole_choice(choice.get_object(), position++, id)) {
      return fail(ErrorCode::upstream_interrupted,
                  "GitHub Copilot broke off the answer (finish_reason \"error\"). Ask again.");
    }
  }
  erase_null(answer, "usage");
  return json::serialize(answer);
}

}  // namespace jumpseat
