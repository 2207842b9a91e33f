#include "protocol/plain_chunk.h"

namespace jumpseat {
namespace {

// Calls `take` with each member of an object until it returns false, and returns that.
template <class Take>
bool each_member(JsonNode const& object, Take take) {
  if (!is_object(object.value)) return false;
  JsonNode const* const end = &object + object.size;
  for (JsonNode const* at = &object + 1; at != end; at += at->size) {
    if (!take(*at)) return false;
  }
  return true;
}

bool take_string(std::string_view& into, std::string_view value) {
  if (!is_string(value)) return false;
  into = value;
  return true;
}

bool take_number(std::int64_t& into, std::string_view value) {
  if (whole_number_length(value) != value.size()) return false;
  into = whole_number_of(value).value_or(-1);
  return into >= 0;
}

bool take_delta_member(PlainChunk& chunk, JsonNode const& member) {
  if (member.key == "content") {
    return is_null(member.value) || take_string(chunk.content, member.value);
  }
  if (member.key == "role") return member.value == R"("assistant")";
  if (member.key == "tool_calls" || member.key == "function_call") return false;
  chunk.delta_others.push_back(&member);
  return true;
}

bool take_choice(PlainChunk& chunk, JsonNode const& choice) {
  bool has_index = false;
  bool has_delta = false;
  bool const plain = each_member(choice, [&](JsonNode const& member) {
    if (member.key == "index") return has_index = take_number(chunk.choice, member.value);
    if (member.key == "delta") {
      has_delta = true;
      return each_member(member,
                         [&](JsonNode const& inner) { return take_delta_member(chunk, inner); });
    }
    if (member.key == "finish_reason") {
      if (is_null(member.value)) return true;
      return member.value != R"("")" && member.value != R"("error")" &&
             take_string(chunk.finish_reason, member.value);
    }
    if (member.key == "message") return false;
    chunk.choice_others.push_back(&member);
    return true;
  });
  return plain && has_index && has_delta;
}

bool take_member(PlainChunk& chunk, JsonNode const& member) {
  std::string_view const key = member.key;
  if (key == "choices") {
    // One element, which fills the array.
    bool const single =
        is_array(member.value) && member.size > 1 && (&member)[1].size + 1 == member.size;
    return single && take_choice(chunk, (&member)[1]);
  }
  if (key == "id") return member.value != R"("")" && take_string(chunk.id, member.value);
  if (key == "model") return take_string(chunk.model, member.value);
  if (key == "created") return take_number(chunk.created, member.value);
  if (key == "object") return true;
  if (key == "usage") {
    if (is_object(member.value)) chunk.usage = member.value;
    return is_object(member.value) || is_null(member.value);
  }
  if (key == "error" || key.starts_with("copilot_")) return false;
  chunk.others.push_back(&member);
  return true;
}

}  // namespace

std::optional<PlainChunk> plain_chunk(JsonNode const& event) {
  std::optional<PlainChunk> chunk(std::in_place);
  bool has_choice = false;
  bool const plain = each_member(event, [&](JsonNode const& member) {
    has_choice = has_choice || member.key == "choices";
    return take_member(*chunk, member);
  });
  bool const whole =
      plain && has_choice && !chunk->id.empty() && !chunk->model.empty() && chunk->created > 0;
  if (!whole) chunk.reset();
  return chunk;
}

}  // namespace jumpseat
