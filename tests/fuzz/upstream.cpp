// Everything that reads GitHub's answers, on arbitrary bytes: no crash, no text that could mislead
// a terminal, no token that could break a header, no wait out of bounds.

#include "protocol/upstream.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/json.h"

namespace jumpseat {
namespace {

constexpr std::int64_t now = 1790000000;

void require(bool condition) {
  if (!condition) std::abort();
}

void require_harmless(std::string_view text) {
  require(text.size() < 4000);
  require(printable(text, 16000) == text);
}

void require_header_value(std::string_view text) {
  require(std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; }));
}

void examine(Error const& error) {
  require(!error.message().empty());
  require_harmless(error.message());
  require_harmless(error.detail());
  require_header_value(error.name());
  require_header_value(error.url());
  require(error.url().empty() || error.url().starts_with("https://"));
  require(error.http_status() >= 400 && error.http_status() < 600);
  if (auto const wait = error.retry_after()) {
    require(wait->count() >= 0 && *wait <= std::chrono::days(7));
  }
}

void examine(Quota const& quota) { require(!quota.name.empty()); }

void examine_sign_in(int status, std::string_view body) {
  if (auto const code = read_device_code(status, body)) {
    require(!code->device_code.empty() && code->user_code.size() == 9);
    require_header_value(code->device_code.reveal());
    require(code->interval >= 1 && code->interval <= 300);
    require(code->expires_in >= 1 && code->expires_in <= 86400);
  } else {
    examine(code.error());
  }
  auto const reply = read_access_token(status, body);
  require((reply.kind == AccessTokenReply::Kind::granted) == !reply.access_token.empty());
  require_header_value(reply.access_token.reveal());
  require_header_value(reply.refresh_token.reveal());
  require_harmless(reply.error);
  require_harmless(reply.description);
}

void examine_account(int status, HeaderView const& headers, std::string_view body) {
  if (auto const token = read_copilot_token(status, headers, body)) {
    require(!token->token.empty() && token->expires_at > 0 && token->refresh_in > 0);
    require_header_value(token->token.reveal());
    require_harmless(token->notice);
    require_harmless(token->notice_url);
  } else {
    examine(token.error());
  }
  if (auto const user = read_copilot_user(status, headers, body)) {
    for (Quota const& quota : user->quotas) examine(quota);
  } else {
    examine(user.error());
  }
}

void examine_models(int status, HeaderView const& headers, std::string_view body) {
  auto const list = read_models(status, headers, body);
  if (!list) return examine(list.error());
  for (Model const& model : list->models) {
    require(!model.id.empty() && !model.endpoints.empty());
    require(std::ranges::count(list->models, model.id, &Model::id) == 1);
  }
}

}  // namespace
}  // namespace jumpseat

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace jumpseat;
  constexpr std::array statuses = {200, 400, 401, 402, 403, 404, 408, 413,
                                   421, 422, 429, 466, 499, 500, 503, 302};
  if (size == 0) return 0;
  int const status = statuses[data[0] % statuses.size()];
  std::string_view const body(reinterpret_cast<char const*>(data + 1), size - 1);
  // The first line serves as the headers too.
  std::string const line(body.substr(0, body.find('\n')));
  HeaderView const headers = {
      {"content-type", line}, {"retry-after", line}, {"date", line}, {"x-ratelimit-reset", line}};

  examine_sign_in(status, body);
  examine_account(status, {}, body);
  examine_account(status, headers, body);
  examine_models(status, {}, body);
  examine_models(status, headers, body);
  examine(read_upstream_error(status, {}, body, "host", "model", now));
  examine(read_upstream_error(status, headers, body, line, line, now));
  if (auto const value = parse_json(body)) examine(read_inband_error(*value));
  examine(not_copilot_error(line, line, body));
  if (auto const quota = read_quota_header("x-quota-snapshot-chat", line)) examine(*quota);
  if (auto const quota = read_quota_header(line, "ent=1&rem=1")) examine(*quota);
  if (auto const wait = parse_retry_after(line, now)) {
    require(wait->count() >= 0 && *wait <= std::chrono::days(7));
  }
  std::string const safe = printable(body, 300);
  require(safe.size() <= 300 && printable(safe, 300) == safe);
  (void)looks_like_html(line, body);
  return 0;
}
