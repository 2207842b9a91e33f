// An event like the one before becomes its chunk by the pattern of that one. Any other is parsed
// once, into memory that is reused, and looked over; only one in which something is wrong is
// written anew.

#include "protocol/chat_stream.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>

#include "protocol/json.h"
#include "protocol/json_fields.h"
#include "protocol/scan.h"
#include "protocol/upstream.h"

namespace jumpseat {
namespace {

json::parse_options options_of_parser() {
  json::parse_options options;
  options.max_depth = max_json_depth;
  return options;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// An `error` that says something: not null, false, "" or {}.
bool says_something(json::value const& error) {
  if (auto const* const text = error.if_string()) return !text->empty();
  if (auto const* const object = error.if_object()) return !object->empty();
  return !error.is_null() && error != false;
}

// The part of an object that says that the whole request failed, or null.
json::value const* find_error(json::value const& whole) {
  json::object const& object = whole.get_object();
  if (json::value const* const error = object.if_contains("error")) {
    if (says_something(*error)) return error;
  }
  // The inner object without its wrapping.
  bool const bare = !object.contains("choices") && !text_at(object, "message").empty() &&
                    (object.contains("code") || text_at(object, "type") == "error");
  return bare ? &whole : nullptr;
}

bool is_zero(json::object const& usage) {
  return std::ranges::none_of(usage, [&usage](auto const& member) {
    auto const number = number_at(usage, member.key());
    return number && *number != 0;
  });
}

// What an agent reported in `copilot_errors`.
std::optional<Error> read_agent_errors(json::object const& chunk) {
  auto const* const errors = array_at(chunk, "copilot_errors");
  if (errors == nullptr || errors->empty()) return std::nullopt;
  auto const* const first = errors->front().if_object();
  if (first == nullptr) return std::nullopt;
  std::string text = "The Copilot agent";
  std::string const agent = printable(text_at(*first, "agent"), 100);
  if (!agent.empty()) text.append(" '").append(agent).append("'");
  text.append(" failed: ").append(printable(text_at(*first, "message")));
  return fail(ErrorCode::upstream_interrupted, std::move(text));
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
void merge_function(json::object& into, json::object&& function) {
  for (auto& member : function) {
    if (member.key() == "name" && member.value().is_string()) {
      json::value* const old = into.if_contains("name");
      if (old != nullptr && old->is_string()) {
        if (*old != member.value()) old->get_string().append(member.value().get_string());
        continue;
      }
    }
    merge(into, member.key(), std::move(member.value()));
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
};

ChatStreamRepair::ChatStreamRepair(Options options)
    : options_(std::move(options)),
      quoted_model_(quote(options_.model)),
      learnt_(std::make_unique<Learnt>()) {}

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
  ChunkPattern& pattern = learnt_->pattern;
  if (pattern.match(data)) {
    take_match(pattern);
    return true;
  }
  pattern.forget();
  ++learnt_->misses;
  // What is parsed lives no longer than this call: thousands of streams share the stack.
  std::array<unsigned char, 3072> memory;
  std::array<unsigned char, 1024> stack;
  json::monotonic_resource resource(memory.data(), memory.size());
  json::parser parser(json::storage_ptr(), options_of_parser(), stack.data(), stack.size());
  parser.reset(&resource);
  boost::system::error_code not_json;
  parser.write(data, not_json);
  if (not_json) return false;
  json::value value = parser.release();
  if (!value.is_object()) {
    ++skipped_;
    return true;
  }
  if (json::value const* const error = find_error(value)) {
    return failed(read_inband_error(*error));
  }
  auto const taken = read_chunk(value.get_object(), data);
  if (!taken) return taken.error();
  return true;
}

void ChatStreamRepair::take_match(ChunkPattern const& pattern) {
  learnt_->misses = 0;
  ++good_events_;
  for (ChunkPattern::Piece const& piece : pattern.pieces()) {
    if (piece.key == "content" && !piece.call) text_bytes_ += pattern.text_size(piece);
  }
  out_.push_back(pattern.chunk());
}

// After an event that made one chunk. The first delta of an answer or of a call, and a last one,
// change what the next event means.
void ChatStreamRepair::learn(std::string_view data) {
  if (out_.size() == 1 && worth_learning(learnt_->misses)) {
    learnt_->pattern.learn(data, out_.front());
  }
}

Result<> ChatStreamRepair::read_chunk(json::object& chunk, std::string_view data) {
  if (auto error = read_agent_errors(chunk)) agent_error_ = std::move(error);
  json::value* const choices_value = chunk.if_contains("choices");
  if (choices_value != nullptr && !choices_value->is_null() && !choices_value->is_array()) {
    ++skipped_;
    return {};
  }
  if (choices_value == nullptr || choices_value->is_null() || choices_value->get_array().empty()) {
    read_chunk_without_choices(chunk);
    return {};
  }
  json::array& choices = choices_value->get_array();
  auto const junk = std::remove_if(choices.begin(), choices.end(),
                                   [](json::value const& v) { return !v.is_object(); });
  bool changed = junk != choices.end();
  choices.erase(junk, choices.end());
  if (choices.empty()) {
    ++skipped_;
    return {};
  }
  ++good_events_;
  remember_head(chunk);
  pin_head();
  std::int64_t position = 0;
  for (json::value& choice : choices) {
    auto const repaired = repair_choice(choice.get_object(), position++);
    if (!repaired) return repaired.error();
    if (*repaired) changed = true;
  }
  if (repair_head(chunk)) changed = true;
  if (take_usage(chunk)) changed = true;
  auto same = changed ? std::nullopt : restamp(data, chunk.size(), quoted_model_);
  if (same) {
    out_.push_back(std::move(*same));
  } else {
    chunk["model"] = options_.model;
    out_.push_back(json::serialize(chunk));
  }
  learn(data);
  return {};
}

// Chunks without choices: results of the content filter, usage, and what agents have to say.
void ChatStreamRepair::read_chunk_without_choices(json::object& chunk) {
  constexpr std::array<std::string_view, 7> known = {
      "id", "object", "created", "model", "choices", "usage", "prompt_filter_results"};
  remember_head(chunk);
  bool const has_usage = object_at(chunk, "usage") != nullptr;
  bool const has_choices = chunk.contains("choices");
  if (take_usage(chunk) && usage_ && has_usage) {
    for (auto const& member : chunk) {
      if (std::ranges::find(known, std::string_view(member.key())) == known.end()) {
        usage_extras_[member.key()] = json::value(member.value(), json::storage_ptr());
      }
    }
  }
  bool const from_agent = std::ranges::any_of(chunk, [](auto const& member) {
    return member.key().starts_with("copilot_") && member.key() != "copilot_usage" &&
           !member.value().is_null();
  });
  if (!from_agent && !has_choices && !has_usage) {
    ++skipped_;
    return;
  }
  ++good_events_;
  if (!from_agent) return;
  pin_head();
  repair_head(chunk);
  chunk["model"] = options_.model;
  // OpenAI knows no choices at all only on the usage chunk, which a caller asks for; programs look
  // at the first one of any other chunk. So this has one, in which nothing is new.
  chunk["choices"] = json::array{
      json::object{{"index", 0}, {"delta", json::object()}, {"finish_reason", nullptr}}};
  out_.push_back(json::serialize(chunk));
}

void ChatStreamRepair::remember_head(json::object const& chunk) {
  if (id_.empty()) id_ = text_at(chunk, "id");
  if (created_ <= 0) created_ = whole_number_at(chunk, "created").value_or(0);
  if (upstream_model_.empty()) upstream_model_ = text_at(chunk, "model");
}

// Once a chunk has gone out, its id and time stay.
void ChatStreamRepair::pin_head() {
  if (id_.empty()) id_ = options_.fallback_id;
  if (created_ <= 0) created_ = options_.created;
}

bool ChatStreamRepair::repair_head(json::object& chunk) {
  bool changed = false;
  if (text_at(chunk, "object") != "chat.completion.chunk") {
    chunk["object"] = "chat.completion.chunk";
    changed = true;
  }
  if (json::value const* const id = chunk.if_contains("id");
      id == nullptr || !id->is_string() || std::string_view(id->get_string()) != id_) {
    chunk["id"] = id_;
    changed = true;
  }
  if (whole_number_at(chunk, "created") != created_) {
    chunk["created"] = created_;
    changed = true;
  }
  return changed;
}

bool ChatStreamRepair::take_usage(json::object& chunk) {
  json::value const* const usage = chunk.if_contains("usage");
  if (usage == nullptr) return false;
  if (auto const* const object = usage->if_object(); object != nullptr && !is_zero(*object)) {
    usage_.emplace(ChatUsage{json::object(*object, json::storage_ptr())});
  }
  // OpenAI writes `usage: null` on every chunk but the last when usage was asked for.
  if (usage->is_null() && options_.usage == Options::Usage::pass_on) return false;
  chunk.stable_erase("usage");
  return true;
}

Result<bool> ChatStreamRepair::repair_choice(json::object& choice, std::int64_t position) {
  bool changed = false;
  auto index = whole_number_at(choice, "index");
  if (!index || *index < 0) {
    index = position;
    choice["index"] = position;
    changed = true;
  }
  if (text_at(choice, "finish_reason") == "error") {
    return failed(
        fail(ErrorCode::upstream_interrupted,
             "GitHub Copilot broke off the answer (finish_reason \"error\"). Ask again."));
  }
  Choice& state = choices_[*index];
  json::value* delta = choice.if_contains("delta");
  if (delta == nullptr || !delta->is_object()) {
    json::value* const message = choice.if_contains("message");
    json::value whole = json::object();
    if (message != nullptr && message->is_object()) {
      whole = std::move(*message);
      choice.stable_erase("message");
    }
    delta = &(choice["delta"] = std::move(whole));
    changed = true;
  }
  if (repair_delta(*index, state, delta->get_object())) changed = true;
  if (repair_finish(*index, state, choice)) changed = true;
  return changed;
}

bool ChatStreamRepair::repair_delta(std::int64_t index, Choice& state, json::object& delta) {
  std::string_view const role = text_at(delta, "role");
  // Not the assistant speaking: an agent's references travel under this role.
  if (role == "function" || role == "tool") return false;

  bool changed = false;
  bool const first = !state.started;
  state.started = true;
  if (first) {
    if (role != "assistant") {
      delta["role"] = "assistant";
      changed = true;
    }
  } else {
    if (delta.contains("role")) {
      delta.stable_erase("role");
      changed = true;
    }
    if (erase_null(delta, "content")) changed = true;
  }
  text_bytes_ += text_at(delta, "content").size();

  if (json::value* const calls = delta.if_contains("tool_calls")) {
    if (calls->is_array() && repair_tool_calls(index, state, calls->get_array())) changed = true;
    if (!calls->is_array() || calls->get_array().empty()) {
      delta.stable_erase("tool_calls");
      changed = true;
    }
  }
  if (erase_null(delta, "function_call")) changed = true;
  return changed;
}

// The call that a delta goes on with; a new one where it begins another. Claude's calls all come
// under index 0, told apart by their ids; others leave out the index, or the id.
std::size_t ChatStreamRepair::find_call(Choice& state, json::object const& call,
                                        bool& fresh) const {
  auto& calls = state.calls;
  auto const upstream_index = whole_number_at(call, "index");
  std::string_view const id = text_at(call, "id");
  auto const* const function = object_at(call, "function");
  bool const named = function != nullptr && !text_at(*function, "name").empty();
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

bool ChatStreamRepair::repair_tool_calls(std::int64_t index, Choice& state, json::array& calls) {
  bool changed = false;
  for (auto at = calls.begin(); at != calls.end();) {
    auto* const call = at->if_object();
    if (call == nullptr) {
      at = calls.erase(at);
      changed = true;
      continue;
    }
    ++at;
    auto const upstream_index = whole_number_at(*call, "index");
    bool fresh = false;
    std::size_t const which = find_call(state, *call, fresh);
    auto const out_index = static_cast<std::int64_t>(which);
    state.current[upstream_index.value_or(out_index)] = which;
    ToolCall& known = state.calls[which];
    if (upstream_index != out_index) {
      (*call)["index"] = out_index;
      changed = true;
    }
    if (fresh) {
      if (known.id.empty()) {
        // Without an id nobody could send the call's result back.
        (*call)["id"] = "call_" + id_ + "_" + std::to_string(index) + "_" + std::to_string(which);
        changed = true;
      }
      if (text_at(*call, "type").empty()) {
        (*call)["type"] = "function";
        changed = true;
      }
      if (text_at(*call, "type") != "function") {
        known.has_arguments = true;  // it has none, whatever comes
      } else if (object_at(*call, "function") == nullptr) {
        (*call)["function"] = json::object();
        changed = true;
      }
    } else {
      // The id is said once: there are callers who join what they get.
      if (call->contains("id")) {
        call->stable_erase("id");
        changed = true;
      }
      if (erase_null(*call, "type")) changed = true;
      if (erase_null(*call, "function")) changed = true;
    }
    json::value* const function = call->if_contains("function");
    if (function == nullptr || !function->is_object()) continue;
    json::object& body = function->get_object();
    if (repair_arguments(body)) changed = true;
    if (fresh && !body.contains("arguments")) {
      body["arguments"] = "";
      changed = true;
    }
    if (!text_at(body, "arguments").empty()) known.has_arguments = true;
    std::string_view const name = text_at(body, "name");
    if (!fresh && body.contains("name") && (name.empty() || name == known.name)) {
      body.stable_erase("name");
      changed = true;
    } else {
      known.name.append(name);
    }
  }
  return changed;
}

bool ChatStreamRepair::repair_finish(std::int64_t index, Choice& state, json::object& choice) {
  json::value* const given = choice.if_contains("finish_reason");
  bool changed = given == nullptr;
  json::value& reason = given == nullptr ? choice["finish_reason"] : *given;
  if (reason.is_null()) return changed;
  // Empty, of another type, or said before.
  if (!reason.is_string() || reason.get_string().empty() || state.finished) {
    reason = nullptr;
    return true;
  }
  if (reason.get_string() == "stop" && !state.calls.empty()) {
    reason = "tool_calls";
    changed = true;
  }
  state.finished = true;
  if (!cut_short(reason.get_string()) &&
      complete_arguments(index, state, choice.at("delta").if_object())) {
    changed = true;
  }
  return changed;
}

// Calls of a function without parameters may end without arguments; callers expect "{}". They go
// into `delta` where it has that very call, else into a chunk of their own, ahead.
bool ChatStreamRepair::complete_arguments(std::int64_t index, Choice& state, json::object* delta) {
  bool changed = false;
  for (std::size_t i = 0; i < state.calls.size(); ++i) {
    if (state.calls[i].has_arguments) continue;
    state.calls[i].has_arguments = true;
    json::object* function = nullptr;
    json::value* const calls = delta == nullptr ? nullptr : delta->if_contains("tool_calls");
    if (calls != nullptr && calls->is_array()) {
      for (json::value& call : calls->get_array()) {
        auto* const object = call.if_object();
        if (object == nullptr) continue;
        if (whole_number_at(*object, "index") != static_cast<std::int64_t>(i)) continue;
        json::value* const body = object->if_contains("function");
        function = body == nullptr ? nullptr : body->if_object();
      }
    }
    if (function != nullptr) {
      (*function)["arguments"] = "{}";
      changed = true;
    } else {
      put_choice(index,
                 {{"tool_calls", json::array{{{"index", i}, {"function", {{"arguments", "{}"}}}}}}},
                 nullptr);
    }
  }
  return changed;
}

void ChatStreamRepair::put_chunk(json::object more) {
  pin_head();
  json::object chunk = {{"id", id_},
                        {"object", "chat.completion.chunk"},
                        {"created", created_},
                        {"model", options_.model}};
  for (auto& member : more) chunk[member.key()] = std::move(member.value());
  out_.push_back(json::serialize(chunk));
}

void ChatStreamRepair::put_choice(std::int64_t index, json::object delta,
                                  json::value finish_reason) {
  json::object choice;
  choice["index"] = index;
  choice["delta"] = std::move(delta);
  choice["finish_reason"] = std::move(finish_reason);
  json::array choices;
  choices.push_back(std::move(choice));
  json::object more;
  more["choices"] = std::move(choices);
  put_chunk(std::move(more));
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
    json::object delta;
    if (!state.started) delta["role"] = "assistant";
    put_choice(index, std::move(delta), state.calls.empty() ? "stop" : "tool_calls");
  }
  if (usage_ && options_.usage == Options::Usage::pass_on) {
    json::object more = {{"choices", json::array()}, {"usage", usage_->object}};
    for (auto const& member : usage_extras_) more[member.key()] = member.value();
    put_chunk(std::move(more));
  }
  return &out_;
}

// ---- ChatAssembler ----

void ChatAssembler::add(std::string_view chunk) {
  if (add_match(chunk)) return;
  settle();
  pattern_.forget();
  ++misses_;
  add_parsed(chunk);
  if (worth_learning(misses_)) learn(chunk);
}

bool ChatAssembler::add_match(std::string_view chunk) {
  if (!pattern_.match(chunk)) return false;
  misses_ = 0;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    std::string_view const value = pattern_.value(pattern_.pieces()[i]);
    if (value.find('\\') == std::string_view::npos) {
      texts_[i]->append(value.substr(1, value.size() - 2));
    } else {
      texts_[i]->append(unescape(value));
    }
  }
  if (!pattern_.only_pieces()) last_ = chunk;
  return true;
}

// Of the chunks that were alike the last one counts, but for its pieces, which are there already.
void ChatAssembler::settle() {
  if (last_.empty()) return;
  if (pattern_.match(last_)) add_parsed(pattern_.chunk_without_pieces());
  last_.clear();
}

// The places stay what they are until something else is added.
void ChatAssembler::learn(std::string_view chunk) {
  pattern_.learn(chunk, chunk);
  texts_.clear();
  for (ChunkPattern::Piece const& piece : pattern_.pieces()) {
    json::string* const text = find_text(pattern_.choice(), piece);
    if (text == nullptr) return pattern_.forget();
    texts_.push_back(text);
  }
}

json::string* ChatAssembler::find_text(std::int64_t index, ChunkPattern::Piece const& piece) {
  auto const choice = choices_.find(index);
  if (choice == choices_.end()) return nullptr;
  json::object* object = &choice->second.message;
  if (piece.call) {
    auto const call = choice->second.tool_calls.find(*piece.call);
    if (call == choice->second.tool_calls.end()) return nullptr;
    json::value* const function = call->second.if_contains("function");
    object = function == nullptr ? nullptr : function->if_object();
  }
  json::value* const text = object == nullptr ? nullptr : object->if_contains(piece.key);
  return text == nullptr ? nullptr : text->if_string();
}

void ChatAssembler::add_parsed(std::string_view text) {
  auto parsed = parse_json(text, memory_);
  if (!parsed || !parsed->is_object()) return;
  for (auto& member : parsed->get_object()) {
    std::string_view const key = member.key();
    if (key == "object") continue;
    if (key == "choices") {
      if (!member.value().is_array()) continue;
      for (json::value& choice : member.value().get_array()) {
        if (choice.is_object()) add_choice(choice.get_object());
      }
    } else if (key == "usage") {
      if (member.value().is_object()) head_["usage"] = std::move(member.value());
    } else {
      merge(head_, key, std::move(member.value()));
    }
  }
}

void ChatAssembler::add_choice(json::object& given) {
  auto const index = whole_number_at(given, "index").value_or(0);
  Choice& choice = choices_.try_emplace(index, memory_).first->second;
  for (auto& member : given) {
    std::string_view const key = member.key();
    if (key == "index" || key == "delta" || key == "message") continue;
    merge(choice.members, key, std::move(member.value()));
  }
  json::value* const delta = given.if_contains("delta");
  if (delta == nullptr || !delta->is_object()) return;
  std::string_view const role = text_at(delta->get_object(), "role");
  if (role == "function" || role == "tool") return;  // an agent's references, not answer text
  for (auto& member : delta->get_object()) {
    std::string_view const key = member.key();
    if (key == "role") continue;
    if (key == "tool_calls") {
      if (!member.value().is_array()) continue;
      for (json::value& call : member.value().get_array()) {
        if (call.is_object()) add_call(choice, call.get_object());
      }
    } else if (key == "function_call" && member.value().is_object()) {
      json::value& function = choice.message["function_call"];
      if (!function.is_object()) function = json::object();
      merge_function(function.get_object(), std::move(member.value().get_object()));
    } else {
      merge(choice.message, key, std::move(member.value()));
    }
  }
}

void ChatAssembler::add_call(Choice& choice, json::object& given) {
  auto const index = whole_number_at(given, "index").value_or(0);
  json::object& call = choice.tool_calls.try_emplace(index, memory_).first->second;
  for (auto& member : given) {
    if (member.key() == "index") continue;
    if (member.key() == "function" && member.value().is_object()) {
      json::value& function = call["function"];
      if (!function.is_object()) function = json::object();
      merge_function(function.get_object(), std::move(member.value().get_object()));
    } else {
      merge(call, member.key(), std::move(member.value()));
    }
  }
}

json::object ChatAssembler::completion() {
  settle();
  pattern_.forget();
  json::object out(memory_);
  out["id"] = text_at(head_, "id");
  out["object"] = "chat.completion";
  for (auto& member : head_) {
    if (member.key() != "id" && member.key() != "usage")
      out[member.key()] = std::move(member.value());
  }
  json::array choices(memory_);
  for (auto& [index, from] : choices_) {
    json::object message(memory_);
    message["role"] = "assistant";
    message["content"] = nullptr;
    message["refusal"] = nullptr;
    for (auto& member : from.message) message[member.key()] = std::move(member.value());
    std::string_view reason = text_at(from.members, "finish_reason");
    if (!from.tool_calls.empty()) {
      if (reason == "stop") reason = "tool_calls";
      json::array calls(memory_);
      for (auto& entry : from.tool_calls) calls.emplace_back(std::move(entry.second));
      std::string const name =
          "call_" + std::string(text_at(out, "id")) + "_" + std::to_string(index);
      complete_calls(calls, name, !cut_short(reason));
      message["tool_calls"] = std::move(calls);
    }
    json::object choice(memory_);
    choice["index"] = index;
    choice["message"] = std::move(message);
    choice["logprobs"] = nullptr;
    for (auto& member : from.members) {
      if (member.key() != "finish_reason") choice[member.key()] = std::move(member.value());
    }
    choice["finish_reason"] = reason.empty() ? json::value(nullptr) : json::value(reason);
    choices.push_back(std::move(choice));
  }
  out["choices"] = std::move(choices);
  if (json::value* const usage = head_.if_contains("usage")) out["usage"] = std::move(*usage);
  return out;
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
  if (json::value const* const error = find_error(*parsed)) return read_inband_error(*error);
  json::object& answer = parsed->get_object();
  json::value* const choices_value = answer.if_contains("choices");
  json::array* const choices = choices_value == nullptr ? nullptr : choices_value->if_array();
  if (choices != nullptr) {
    choices->erase(std::remove_if(choices->begin(), choices->end(),
                                  [](json::value const& v) { return !v.is_object(); }),
                   choices->end());
  }
  if (choices == nullptr || choices->empty()) {
    if (auto const error = read_agent_errors(answer)) return *error;
    return fail(ErrorCode::bad_upstream_json,
                "GitHub Copilot's answer holds no choices. Ask again.")
        .with_detail(printable(body, 200));
  }
  if (text_at(answer, "id").empty()) answer["id"] = options.fallback_id;
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
