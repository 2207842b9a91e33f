#include "protocol/usage.h"

#include <cmath>

namespace jumpseat {
namespace {

// At most one decimal, and none where it would be zero. GitHub counts premium requests in tenths.
std::string short_number(double value) {
  double const tenths = std::round(value * 10);
  if (!(std::abs(tenths) < 1e15)) return "very many";
  auto const whole = static_cast<std::int64_t>(tenths);
  auto const size = whole < 0 ? -whole : whole;
  std::string text = whole < 0 ? "-" : "";
  text += std::to_string(size / 10);
  if (size % 10 != 0) text += "." + std::to_string(size % 10);
  return text;
}

std::string label(std::string const& name) {
  if (name == "premium_interactions" || name == "premium_models") return "Premium requests";
  if (name == "chat") return "Chat";
  if (name == "completions") return "Inline completions";
  return printable(name, 100);
}

json::object quota_json(Quota const& quota) {
  json::object out;
  out["name"] = quota.name;
  out["text"] = quota_words(quota);
  out["unlimited"] = quota.unlimited;
  bool const counted = !quota.unlimited && quota.entitlement > 0;
  auto const number = [](bool known, double value) {
    return known ? encode(std::round(value * 100) / 100) : json::value();
  };
  out["entitlement"] = number(counted, quota.entitlement);
  out["remaining"] = number(counted, quota.remaining);
  out["used"] = number(counted, quota.entitlement - quota.remaining);
  out["percent_remaining"] = number(!quota.unlimited, quota.percent_remaining);
  out["overage_permitted"] = quota.overage_permitted;
  return out;
}

}  // namespace

std::string quota_words(Quota const& quota) {
  if (quota.unlimited) return "unlimited";
  auto const percent = short_number(quota.percent_remaining) + " %";
  bool const counted = quota.entitlement > 0;
  bool const used_up = counted ? quota.remaining <= 0 : quota.percent_remaining <= 0;
  if (!used_up) {
    if (!counted) return percent + " left";
    return short_number(quota.remaining) + " of " + short_number(quota.entitlement) + " left (" +
           percent + ")";
  }
  std::string text = "used up";
  if (counted) text += ", all " + short_number(quota.entitlement);
  if (counted && std::round(quota.remaining * 10) < 0) {
    text += " and " + short_number(-quota.remaining) + " over";
  }
  if (quota.overage_permitted) text += "; more is billed";
  return text;
}

std::string usage_text(CopilotUser const& user) {
  std::string text = user.login.empty() ? std::string("Signed in") : printable(user.login, 100);
  if (!user.plan.empty()) text += ", plan " + printable(user.plan, 100);
  text += '\n';
  if (!user.has_access) {
    text +=
        "This account has no Copilot. Its seat or plan is managed on "
        "https://github.com/settings/copilot.\n";
    return text;
  }
  for (auto const& quota : user.quotas) {
    text += label(quota.name) + ": " + quota_words(quota) + "\n";
  }
  if (user.quotas.empty()) text += "GitHub names no quota for this plan.\n";
  if (!user.reset_date.empty()) {
    text += "The count starts anew on " + printable(user.reset_date, 40) + ".\n";
  }
  return text;
}

json::object usage_json(CopilotUser const& user, std::int64_t age_seconds) {
  json::object out;
  out["object"] = "copilot.usage";
  out["login"] = user.login;
  out["plan"] = user.plan;
  out["sku"] = user.sku;
  out["has_access"] = user.has_access;
  out["reset_date"] = user.reset_date.empty() ? json::value() : json::value(user.reset_date);
  json::array quotas;
  for (auto const& quota : user.quotas) quotas.push_back(quota_json(quota));
  out["quotas"] = std::move(quotas);
  out["text"] = usage_text(user);
  out["age_seconds"] = age_seconds;
  return out;
}

}  // namespace jumpseat
