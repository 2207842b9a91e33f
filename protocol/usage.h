// What is left of an account's Copilot quota, in words for a person and as JSON for a program.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/json.h"
#include "protocol/upstream.h"

namespace jumpseat {

// "288.3 of 300 left (96.1 %)", "unlimited", "used up, all 300 and 1.3 over; more is billed".
std::string quota_words(Quota const& quota);

// Some lines, without colours:
//   octocat, plan individual
//   Premium requests: 288.3 of 300 left (96.1 %)
//   Chat: unlimited
//   The count starts anew on 2026-10-01.
std::string usage_text(CopilotUser const& user);

// {"object":"copilot.usage","login","plan","sku","has_access","reset_date","quotas":[{"name","text",
// "unlimited","entitlement","remaining","used","percent_remaining","overage_permitted"}],"text",
// "age_seconds"}. Of an unlimited quota the numbers are null: GitHub's mean nothing then. `text` is
// usage_text(). `age_seconds`: how long ago GitHub said so.
json::object usage_json(CopilotUser const& user, std::int64_t age_seconds);

}  // namespace jumpseat
