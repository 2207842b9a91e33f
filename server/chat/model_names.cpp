#include "server/chat/model_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "server/base/edit_distance.h"

namespace jumpseat {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

Model const* find_id(std::vector<Model> const& models, std::string_view id) {
  for (auto const& model : models) {
    if (model.id == id) return &model;
  }
  auto const wanted = lower(id);
  for (auto const& model : models) {
    if (lower(model.id) == wanted) return &model;
  }
  return nullptr;
}

std::string_view without_prefix(std::string_view name) {
  for (std::string_view prefix : {"github_copilot/", "github/", "copilot/"}) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

std::string variable_name(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c >= 'a' && c <= 'z') {
      out += static_cast<char>(c - 'a' + 'A');
    } else {
      out += c == '-' || c == '.' ? '_' : c;
    }
  }
  return out;
}

bool serves_chat(Model const& model) {
  return model.type == "chat" && model.usable() && model.serves("/chat/completions");
}

Model const* first_of(std::vector<std::string_view> const& preference,
                      std::vector<Model> const& models) {
  for (auto id : preference) {
    auto const* model = find_id(models, id);
    if (model != nullptr && serves_chat(*model)) return model;
  }
  return nullptr;
}

// GPT models outside the preference lists, for accounts whose list has moved on: the account's own
// default first, then anything of the right size.
Model const* any_gpt(std::vector<Model> const& models, bool small) {
  auto const is_small = [](Model const& model) {
    return model.id.find("mini") != std::string::npos ||
           model.id.find("nano") != std::string::npos || model.id.starts_with("gpt-3.5");
  };
  Model const* found = nullptr;
  for (auto const& model : models) {
    if (!model.id.starts_with("gpt-") || !serves_chat(model) || is_small(model) != small) continue;
    if (model.chat_default) return &model;
    if (found == nullptr) found = &model;
  }
  return found;
}

Error not_found(std::string_view asked, std::vector<Model> const& models) {
  auto const bare = std::string(without_prefix(asked)).substr(0, 64);
  std::vector<std::pair<std::size_t, std::string_view>> ranked;
  for (auto const& model : models) {
    if (model.usable()) ranked.emplace_back(edit_distance(bare, model.id), model.id);
  }
  auto const shown = std::min<std::size_t>(ranked.size(), 3);
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(shown),
                    ranked.end());
  std::string message = "Model '" + printable(asked, 100) + "' not found in the account's list.";
  if (shown > 0) {
    message += " Nearest: ";
    for (std::size_t i = 0; i < shown; ++i)
      message.append(i == 0 ? "" : ", ").append(ranked[i].second);
    message += ". `jumpseat models` shows all.";
  }
  return fail(ErrorCode::model_not_found, std::move(message));
}

}  // namespace

std::vector<std::string_view> const& gpt4_preference() {
  static std::vector<std::string_view> const ids{"gpt-4.1", "gpt-4o", "gpt-4", "gpt-4-turbo",
                                                 "gpt-4-o-preview"};
  return ids;
}

std::vector<std::string_view> const& small_gpt_preference() {
  static std::vector<std::string_view> const ids{"gpt-5-mini", "gpt-4.1-mini", "gpt-4o-mini",
                                                 "gpt-4.1-nano", "gpt-3.5-turbo"};
  return ids;
}

std::string copilot_spelling(std::string_view name) {
  if (!name.starts_with("claude-")) return std::string(name);
  std::string out(name);
  auto const digits = [&](std::size_t from, std::size_t count) {
    if (from + count > out.size()) return false;
    return std::all_of(out.begin() + static_cast<std::ptrdiff_t>(from),
                       out.begin() + static_cast<std::ptrdiff_t>(from + count),
                       [](char c) { return c >= '0' && c <= '9'; });
  };
  // A date at the end goes.
  if (out.size() > 9 && out[out.size() - 9] == '-' && digits(out.size() - 8, 8))
    out.resize(out.size() - 9);
  if (out.ends_with("-latest")) out.resize(out.size() - 7);
  // "4-5" is 4.5: a dash between two single-digit groups becomes a dot.
  for (std::size_t i = 1; i + 1 < out.size(); ++i) {
    bool const one_digit_before = digits(i - 1, 1) && (i < 2 || !digits(i - 2, 1));
    bool const digit_group_after =
        digits(i + 1, 1) && (i + 2 == out.size() || out[i + 2] == '-' ||
                             (digits(i + 2, 1) && (i + 3 == out.size() || out[i + 3] == '-')));
    if (out[i] == '-' && one_digit_before && digit_group_after) {
      out[i] = '.';
      break;
    }
  }
  return out;
}

Result<Model const*> resolve_model(std::string_view asked, std::vector<Model> const& models,
                                   std::map<std::string, std::string> const& model_map) {
  auto const bare = without_prefix(asked);
  if (!model_map.empty()) {
    for (auto name : {asked, bare}) {
      auto const mapped = model_map.find(variable_name(name));
      if (mapped == model_map.end()) continue;
      if (auto const* model = find_id(models, without_prefix(mapped->second))) return model;
      return not_found(mapped->second, models).within("GITHUB_COPILOT_" + mapped->first + "_MODEL");
    }
  }

  auto name = lower(bare);
  if (name.starts_with("copilot-gpt-")) name.erase(0, 8);
  if (name == "gpt-4" || name == "gpt-3.5-turbo") {
    bool const small = name == "gpt-3.5-turbo";
    auto const* model = first_of(small ? small_gpt_preference() : gpt4_preference(), models);
    if (model == nullptr) model = any_gpt(models, small);
    if (model != nullptr) return model;
    return not_found(asked, models);
  }

  if (auto const* model = find_id(models, bare)) return model;
  if (auto const* model = find_id(models, copilot_spelling(bare))) return model;
  return not_found(asked, models);
}

}  // namespace jumpseat
