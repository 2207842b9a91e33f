// Other programs' files are read with tolerance for what they may add, and with none for what a
// token is: whatever does not look like one is left out, with the reason.
#include "protocol/foreign_sign_ins.h"

#include <utility>

#include "protocol/github_token.h"
#include "protocol/json.h"
#include "protocol/json_fields.h"

namespace jumpseat {
namespace {

Error unusable(std::string reason) { return fail(ErrorCode::token_malformed, std::move(reason)); }

Result<json::object> read_file_object(std::string_view text) {
  // Some editors write a byte-order mark.
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  auto parsed = parse_json(text);
  if (!parsed) return unusable("it is not JSON");
  if (!parsed->is_object()) return unusable("it is JSON, but not an object");
  return std::move(parsed->get_object());
}

bool belongs_to(std::string_view key, std::string_view host) {
  if (!key.starts_with(host)) return false;
  return key.size() == host.size() || key[host.size()] == ':';
}

// Goes into a header: visible ASCII, nothing else.
bool is_header_text(std::string_view text) {
  if (text.empty() || text.size() > 16384) return false;
  for (char const c : text)
    if (c <= ' ' || c >= '\x7f') return false;
  return true;
}

}  // namespace

Result<ForeignSignIns> read_copilot_apps(std::string_view text, std::string_view host) {
  auto object = read_file_object(text);
  if (!object) return object.error();
  ForeignSignIns out;
  for (auto const& member : *object) {
    if (!belongs_to(member.key(), host)) continue;
    std::string const key = printable(member.key(), 120);
    auto const* const entry = member.value().if_object();
    if (entry == nullptr) {
      out.skipped.push_back(key + " is not an object");
      continue;
    }
    std::string_view const token = text_at(*entry, "oauth_token");
    if (token.empty()) {
      out.skipped.push_back(key + " has no oauth_token");
      continue;
    }
    auto checked = check_github_token(token);
    if (!checked) {
      out.skipped.push_back(key + ": " + checked.error().message());
      continue;
    }
    ForeignSignIn sign_in;
    sign_in.token = std::move(*checked);
    sign_in.user = printable(text_at(*entry, "user"), 100);
    sign_in.key = key;
    out.found.push_back(std::move(sign_in));
  }
  return out;
}

Result<CopilotToken> read_litellm_api_key(std::string_view text) {
  auto object = read_file_object(text);
  if (!object) return object.error();
  CopilotToken token;
  std::string_view const bearer = text_at(*object, "token");
  if (!is_header_text(bearer)) return unusable("it has no usable `token`");
  auto const expires_at = whole_number_at(*object, "expires_at");
  if (!expires_at || *expires_at <= 0) return unusable("it has no usable `expires_at`");
  token.token = Secret(std::string(bearer));
  token.expires_at = *expires_at;
  token.refresh_in = whole_number_at(*object, "refresh_in").value_or(0);
  token.sku = printable(text_at(*object, "sku"), 100);
  if (auto const* const endpoints = object_at(*object, "endpoints"))
    token.api = text_at(*endpoints, "api");
  return token;
}

Secret write_litellm_api_key(CopilotToken const& token, std::string_view api) {
  json::object endpoints;
  endpoints["api"] = api;
  json::object out;
  out["token"] = token.token.reveal();
  out["expires_at"] = token.expires_at;
  out["refresh_in"] = token.refresh_in;
  if (!token.sku.empty()) out["sku"] = token.sku;
  out["endpoints"] = std::move(endpoints);
  return Secret(json::serialize(out));
}

}  // namespace jumpseat
