// From the name that was asked for to a model of the live list. Plain: a list in, a model or an
// error out.
//
// In this order: a name mapped by GITHUB_COPILOT_<NAME>_MODEL; an id of the list; a prefix taken
// off (github_copilot/, github/, copilot/); the two product names (gpt-4 and gpt-3.5-turbo, also
// with "copilot-" before them) by preference; a Claude name in Anthropic's spelling. Anything else
// is model_not_found with the nearest names: never silently replaced.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "protocol/upstream.h"

namespace jumpseat {

// Best first; the first that the list holds and that serves chat is taken. Documented in
// docs/models.md.
std::vector<std::string_view> const& gpt4_preference();
std::vector<std::string_view> const& small_gpt_preference();

// `model_map` has names as in the variables: upper case, `-` and `.` as `_`.
Result<Model const*> resolve_model(std::string_view asked, std::vector<Model> const& models,
                                   std::map<std::string, std::string> const& model_map);

// "claude-sonnet-4-5-20250929" -> "claude-sonnet-4.5"; other names come back as they are.
std::string copilot_spelling(std::string_view name);

}  // namespace jumpseat
