#include "protocol/chat_whole.h"

#include <utility>

#include "protocol/json.h"

namespace jumpseat {
namespace {

json::object chunk_with(json::object const& head, json::array choices) {
  json::object chunk = head;
  chunk["choices"] = std::move(choices);
  return chunk;
}

// A message as a delta: tool calls carry their index there.
json::object delta_of(json::object message) {
  if (auto* calls = message.if_contains("tool_calls"); calls != nullptr && calls->is_array()) {
    std::int64_t index = 0;
    for (auto& call : calls->get_array()) {
      if (call.is_object()) call.get_object()["index"] = index++;
    }
  }
  return message;
}

}  // namespace

std::vector<std::string> chunks_of_completion(std::string_view completion,
                                              ChatStreamRepair::Options::Usage usage) {
  auto parsed = parse_json(completion);
  if (!parsed || !parsed->is_object()) return {};
  auto& whole = parsed->get_object();
  auto* choices = whole.if_contains("choices");
  json::array const none;
  json::array const answers =
      choices != nullptr && choices->is_array() ? choices->get_array() : none;
  json::value const counted = whole.contains("usage") ? whole.at("usage") : json::value();
  whole.erase("choices");
  whole.erase("usage");
  whole["object"] = "chat.completion.chunk";

  std::vector<std::string> chunks;
  json::array ends;
  for (auto const& answer : answers) {
    if (!answer.is_object()) continue;
    auto const& choice = answer.get_object();
    json::object piece = choice;
    json::object end;
    end["index"] = choice.contains("index") ? choice.at("index") : json::value(0);
    end["delta"] = json::object();
    end["finish_reason"] =
        choice.contains("finish_reason") ? choice.at("finish_reason") : json::value("stop");
    ends.push_back(std::move(end));
    auto const* message = choice.if_contains("message");
    piece["delta"] = message != nullptr && message->is_object() ? delta_of(message->get_object())
                                                                : json::object();
    piece.erase("message");
    piece["finish_reason"] = nullptr;
    json::array one;
    one.push_back(std::move(piece));
    chunks.push_back(json::serialize(chunk_with(whole, std::move(one))));
  }
  chunks.push_back(json::serialize(chunk_with(whole, std::move(ends))));
  if (usage == ChatStreamRepair::Options::Usage::pass_on && !counted.is_null()) {
    auto last = chunk_with(whole, json::array());
    last["usage"] = counted;
    chunks.push_back(json::serialize(last));
  }
  return chunks;
}

}  // namespace jumpseat
