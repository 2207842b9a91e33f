// ChatStreamRepair, ChatAssembler and repair_completion on anything at all: what is passed on keeps
// the promises of OpenAI's chunks, and ends in exactly one way.

#include "protocol/chat_stream.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json.h"
#include "protocol/json_fields.h"
#include "protocol/scan.h"
#include "protocol/sse.h"

namespace jumpseat {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

// Reads the chunks that were passed on as a strict caller does.
class Caller {
 public:
  void take(std::string const& text) {
    require(!check_json(text));
    auto const parsed = parse_json(text);
    require(parsed.has_value() && parsed->is_object());
    json::object const& chunk = parsed->get_object();
    require(text_at(chunk, "object") == "chat.completion.chunk");
    require(text_at(chunk, "model") == "asked");
    require(!text_at(chunk, "id").empty());
    if (id_.empty()) id_ = text_at(chunk, "id");
    require(text_at(chunk, "id") == id_);
    require(whole_number_at(chunk, "created").value_or(0) > 0);
    auto const* const choices = array_at(chunk, "choices");
    require(choices != nullptr);
    if (!is_agents_aside(chunk, *choices)) {
      for (json::value const& choice : *choices) take_choice(choice.as_object());
    }
    require(choices->empty() || object_at(chunk, "usage") == nullptr);
    assembler_.add(text);
  }

  std::size_t text_bytes() const { return text_bytes_; }

  void end() const {
    for (auto const& [index, state] : states_) require(state.finished);
  }

  json::value read_answer() {
    std::string const text = assembler_.completion();
    require(!check_json(text, 300));
    auto const answer = parse_json(text);
    require(answer.has_value());
    for (json::value const& choice : answer->at("choices").as_array()) {
      require(choice.at("message").at("role") == "assistant");
    }
    return *answer;
  }

 private:
  struct State {
    bool started = false;
    bool finished = false;
    std::int64_t calls = 0;
  };

  // What an agent says beside its answer comes with one choice in which nothing is new, at any
  // time.
  static bool is_agents_aside(json::object const& chunk, json::array const& choices) {
    bool const from_agent = std::ranges::any_of(
        chunk, [](auto const& member) { return member.key().starts_with("copilot_"); });
    if (!from_agent || choices.size() != 1) return false;
    json::object const& choice = choices.front().as_object();
    auto const* const delta = object_at(choice, "delta");
    return delta != nullptr && delta->empty() && choice.at("finish_reason").is_null();
  }

  void take_choice(json::object const& choice) {
    auto const index = whole_number_at(choice, "index");
    require(index.has_value() && *index >= 0);
    State& state = states_[*index];
    require(choice.contains("finish_reason"));
    std::string_view const reason = text_at(choice, "finish_reason");
    require(reason.empty() == choice.at("finish_reason").is_null());
    require(reason != "error");
    auto const* const delta = object_at(choice, "delta");
    require(delta != nullptr);
    std::string_view const role = text_at(*delta, "role");
    if (role != "function" && role != "tool") {
      require(delta->contains("role") == !state.started);
      require(state.started || role == "assistant");
      state.started = true;
      text_bytes_ += text_at(*delta, "content").size();
      if (auto const* const calls = delta->if_contains("tool_calls")) take_calls(state, *calls);
    }
    if (reason.empty()) return;
    require(!state.finished);
    require(reason != "stop" || state.calls == 0);
    state.finished = true;
  }

  static void take_calls(State& state, json::value const& calls) {
    require(calls.is_array() && !calls.get_array().empty());
    for (json::value const& call : calls.get_array()) {
      auto const index = whole_number_at(call.as_object(), "index");
      require(index.has_value() && *index >= 0 && *index <= state.calls);
      bool const fresh = *index == state.calls;
      require(call.as_object().contains("id") == fresh);
      if (!fresh) continue;
      ++state.calls;
      require(!text_at(call.as_object(), "id").empty());
      require(!text_at(call.as_object(), "type").empty());
    }
  }

  ChatAssembler assembler_;
  std::map<std::int64_t, State> states_;
  std::string id_;
  std::size_t text_bytes_ = 0;
};

void require_partial(ChatStreamRepair const& repair, Error const& error) {
  require(!error.message().empty());
  require(!error.partial_length() || *error.partial_length() == repair.text_bytes());
}

// The same event, written in a way that no event before was: it takes the slow way.
std::string unlike(std::string_view event, std::size_t count) {
  std::string text(event);
  auto const brace = text.find_first_not_of(" \t\r\n");
  if (brace != std::string::npos && text[brace] == '{') text.insert(brace + 1, count, ' ');
  return text;
}

// The quick way and the slow way say the same.
void require_same(Result<std::vector<std::string> const*> const& quick,
                  Result<std::vector<std::string> const*> const& slow) {
  require(static_cast<bool>(quick) == static_cast<bool>(slow));
  if (!quick) {
    require(quick.error().code() == slow.error().code());
    return;
  }
  require((*quick)->size() == (*slow)->size());
  for (std::size_t i = 0; i < (*quick)->size(); ++i) {
    auto const one = parse_json((**quick)[i]);
    auto const other = parse_json((**slow)[i]);
    require(one && other && *one == *other);
  }
}

// The same put together without chunks says what the chunks say.
void require_whole(std::string_view text, ChatStreamRepair::Options const& options,
                   json::value const& expected) {
  ChatAssembler whole;
  ChatStreamRepair repair(options);
  repair.put_together_in(whole);
  SseReader reader;
  reader.feed(text);
  for (auto next = reader.next(); next && *next; next = reader.next()) {
    auto const chunks = repair.event((*next)->data);
    require(chunks && (*chunks)->empty());
  }
  auto const last = repair.finish(reader.remainder());
  require(last && (*last)->empty());
  auto const answer = parse_json(whole.completion());
  require(answer && *answer == expected);
}

void play(std::string_view text, ChatStreamRepair::Options const& options) {
  ChatStreamRepair repair(options);
  ChatStreamRepair slow(options);
  Caller caller;
  SseReader reader;
  reader.feed(text);
  std::size_t count = 0;
  for (auto next = reader.next(); next && *next; next = reader.next()) {
    std::string_view const data = (*next)->data;
    auto const chunks = repair.event(data);
    require_same(chunks, slow.event(unlike(data, ++count)));
    if (!chunks) {
      require_partial(repair, chunks.error());
      caller.read_answer();
      return;
    }
    for (std::string const& chunk : **chunks) caller.take(chunk);
    require(caller.text_bytes() == repair.text_bytes());
  }
  auto const last = repair.finish(reader.remainder());
  if (!last) {
    require_partial(repair, last.error());
  } else {
    for (std::string const& chunk : **last) caller.take(chunk);
    require(caller.text_bytes() == repair.text_bytes());
    caller.end();
  }
  auto const answer = caller.read_answer();
  if (last) require_whole(text, options, answer);
}

void play_whole(std::string_view body, ChatStreamRepair::Options const& options,
                std::int64_t answers) {
  auto const result = repair_completion(body, options, answers);
  if (!result) {
    require(!result.error().message().empty());
    return;
  }
  require(!check_json(*result, 300));
  auto const parsed = parse_json(*result);
  require(parsed.has_value());
  json::object const& answer = parsed->get_object();
  require(text_at(answer, "model") == "asked" && !text_at(answer, "id").empty());
  require(text_at(answer, "object") == "chat.completion");
  json::array const& choices = answer.at("choices").as_array();
  require(!choices.empty() && (answers > 1 || choices.size() == 1));
  for (json::value const& choice : choices) {
    require(choice.at("message").is_object());
    require(!text_at(choice.get_object(), "finish_reason").empty());
  }
}

}  // namespace
}  // namespace jumpseat

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace jumpseat;
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  ChatStreamRepair::Options options;
  options.model = "asked";
  options.make_id = [] { return std::string("chatcmpl-ours"); };
  options.created = 1800000000;
  options.usage = size % 2 == 0 ? ChatStreamRepair::Options::Usage::pass_on
                                : ChatStreamRepair::Options::Usage::hold_back;
  play(text, options);
  play_whole(text, options, size % 3 == 0 ? 2 : 1);
  return 0;
}
