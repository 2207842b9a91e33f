// The model list (GET /models). Entries come in many shapes and a catalogue is better short than
// missing, so each entry stands or falls alone.

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "protocol/json.h"
#include "protocol/json_fields.h"
#include "protocol/upstream.h"

namespace jumpseat {
namespace {

constexpr std::size_t longest_id = 256;

// An id goes into headers, logs and tables.
bool is_model_id(std::string_view id) {
  return !id.empty() && id.size() <= longest_id &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c != '\x7f'; });
}

std::optional<std::int64_t> limit_at(json::object const& limits, std::string_view key) {
  auto const number = whole_number_at(limits, key);
  return number && *number > 0 ? number : std::nullopt;
}

// The texts of an array; anything else in it is passed over.
std::vector<std::string> texts(json::array const* array) {
  std::vector<std::string> out;
  if (array == nullptr) return out;
  for (json::value const& item : *array) {
    auto const* const text = item.if_string();
    if (text != nullptr && !text->empty()) out.emplace_back(*text);
  }
  return out;
}

// The member is there, and is neither null nor what `is_kind` wants: the entry cannot be trusted.
template <class Test>
bool is_misshapen(json::object const& object, std::string_view key, Test is_kind) {
  json::value const* const member = object.if_contains(key);
  return member != nullptr && !member->is_null() && !is_kind(*member);
}

void read_capabilities(Model& model, json::object const& capabilities) {
  if (auto const type = text_at(capabilities, "type"); !type.empty()) model.type = type;
  model.family = text_at(capabilities, "family");
  if (auto const* const limits = object_at(capabilities, "limits")) {
    model.max_context = limit_at(*limits, "max_context_window_tokens");
    model.max_prompt = limit_at(*limits, "max_prompt_tokens");
    model.max_output = limit_at(*limits, "max_output_tokens");
    model.max_non_streaming_output = limit_at(*limits, "max_non_streaming_output_tokens");
    model.max_inputs = limit_at(*limits, "max_inputs");
  }
  if (auto const* const supports = object_at(capabilities, "supports")) {
    auto const says = [supports](std::string_view key) {
      return boolean_at(*supports, key).value_or(false);
    };
    // An ability that is not listed is not there.
    model.streaming = says("streaming");
    model.tool_calls = says("tool_calls");
    model.parallel_tool_calls = says("parallel_tool_calls");
    model.vision = says("vision");
    model.structured_outputs = says("structured_outputs");
    model.reasoning_effort = texts(array_at(*supports, "reasoning_effort"));
  }
}

std::optional<Model> read_model(json::value const& entry) {
  auto const* const object = entry.if_object();
  if (object == nullptr) return std::nullopt;
  auto const is_object = [](json::value const& v) { return v.is_object(); };
  auto const is_array = [](json::value const& v) { return v.is_array(); };
  if (is_misshapen(*object, "capabilities", is_object) ||
      is_misshapen(*object, "policy", is_object) || is_misshapen(*object, "billing", is_object) ||
      is_misshapen(*object, "supported_endpoints", is_array)) {
    return std::nullopt;
  }
  Model model;
  model.id = text_at(*object, "id");
  if (!is_model_id(model.id)) return std::nullopt;
  model.name = text_at(*object, "name");
  if (model.name.empty()) model.name = model.id;
  model.vendor = text_at(*object, "vendor");
  model.preview = boolean_at(*object, "preview").value_or(false);
  model.picker = boolean_at(*object, "model_picker_enabled").value_or(false);
  model.chat_default = boolean_at(*object, "is_chat_default").value_or(false);
  model.chat_fallback = boolean_at(*object, "is_chat_fallback").value_or(false);
  if (auto const* const capabilities = object_at(*object, "capabilities")) {
    read_capabilities(model, *capabilities);
  }
  if (auto const* const policy = object_at(*object, "policy")) {
    model.policy = text_at(*policy, "state");
  }
  if (auto const* const billing = object_at(*object, "billing")) {
    model.multiplier = number_at(*billing, "multiplier");
    model.premium = boolean_at(*billing, "is_premium").value_or(false);
  }
  model.endpoints = texts(array_at(*object, "supported_endpoints"));
  if (model.endpoints.empty()) {
    // Older entries do not say; their one route goes by their type.
    model.endpoints.emplace_back(model.type == "embeddings"   ? "/embeddings"
                                 : model.type == "completion" ? "/completions"
                                                              : "/chat/completions");
  }
  model.raw = *object;
  return model;
}

}  // namespace

bool Model::serves(std::string_view endpoint) const {
  return std::ranges::find(endpoints, endpoint) != endpoints.end();
}

Result<ModelList> read_models(std::string_view body) {
  auto const parsed = parse_json(body);
  if (!parsed) {
    return fail(ErrorCode::bad_upstream_json, "GitHub Copilot's model list is not JSON. Try again.")
        .with_detail(parsed.error().message());
  }
  json::array const* entries = parsed->if_array();
  if (auto const* const object = parsed->if_object()) entries = array_at(*object, "data");
  if (entries == nullptr) {
    return fail(ErrorCode::bad_upstream_json,
                "GitHub Copilot's model list holds no list of models. Try again.");
  }
  ModelList list;
  std::unordered_set<std::string> ids;
  for (json::value const& entry : *entries) {
    auto model = read_model(entry);
    if (!model) {
      ++list.dropped;
    } else if (ids.insert(model->id).second) {
      list.models.push_back(std::move(*model));
    }
  }
  return list;
}

Result<ModelList> read_models(int status, HeaderView const& headers, std::string_view body) {
  if (status < 200 || status >= 300) {
    auto const now = parse_http_date(find_header(headers, "date"), 0);
    return read_upstream_error(status, headers, body, {}, {}, now.value_or(0));
  }
  std::string_view const type = find_header(headers, "content-type");
  if (looks_like_html(type, body)) return not_copilot_error({}, type, body);
  return read_models(body);
}

}  // namespace jumpseat
