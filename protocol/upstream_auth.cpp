// What GitHub says on the way to a token: the device flow, the token exchange, the account.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "protocol/json.h"
#include "protocol/json_fields.h"
#include "protocol/upstream.h"

namespace jumpseat {
namespace {

using std::chrono::seconds;

// ---- Form encoding (application/x-www-form-urlencoded), and JSON, as one thing ----

std::string decode_form(std::string_view text) {
  auto const hex = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

json::object read_form(std::string_view text) {
  json::object out;
  while (!text.empty()) {
    std::size_t const end = text.find('&');
    std::string_view const pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::size_t const equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    out[decode_form(pair.substr(0, equals))] = decode_form(pair.substr(equals + 1));
  }
  return out;
}

// An answer of github.com: JSON, or form-encoded whatever was asked for. Nothing: something else.
std::optional<json::object> read_answer(std::string_view body) {
  constexpr std::string_view space = " \t\r\n";
  std::size_t const start = body.find_first_not_of(space);
  if (start == std::string_view::npos) return std::nullopt;
  body = body.substr(start, body.find_last_not_of(space) - start + 1);
  if (body.front() == '{') {
    auto parsed = parse_json(body);
    if (!parsed || !parsed->is_object()) return std::nullopt;
    return std::move(parsed->get_object());
  }
  if (body.front() == '<' || body.find_first_of(space) != std::string_view::npos) {
    return std::nullopt;
  }
  json::object form = read_form(body);
  if (form.empty()) return std::nullopt;
  return form;
}

// A number, or the same as text, which is how form encoding sends it.
std::optional<std::int64_t> number_or_text_at(json::object const& object, std::string_view key) {
  if (auto const number = whole_number_at(object, key)) return number;
  std::string_view const text = text_at(object, key);
  std::int64_t number = 0;
  auto const [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

bool is_user_code(std::string_view code) {
  if (code.size() != 9 || code[4] != '-') return false;
  for (std::size_t i = 0; i < code.size(); ++i) {
    bool const fits = (code[i] >= 'A' && code[i] <= 'Z') || (code[i] >= '0' && code[i] <= '9');
    if (i != 4 && !fits) return false;
  }
  return true;
}

// A token goes into a header: visible ASCII, nothing else.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= 16384 &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

Error sign_in_error(std::string_view what) {
  std::string message = "GitHub did not start the sign-in: ";
  message.append(what);
  return fail(ErrorCode::sign_in_failed, std::move(message));
}

// "error_code: description" as one text to show.
std::string oauth_words(json::object const& answer) {
  std::string words = printable(text_at(answer, "error"), 100);
  std::string_view const description = text_at(answer, "error_description");
  if (!description.empty()) words.append(" (").append(printable(description, 300)).append(")");
  return words;
}

// ---- GitHub's REST errors ----

std::optional<seconds> wait_until_reset(HeaderView const& headers) {
  auto const now = parse_http_date(find_header(headers, "date"), 0);
  if (auto const wait = parse_retry_after(find_header(headers, "retry-after"), now.value_or(0))) {
    return wait;
  }
  // Seconds since the epoch by GitHub's clock, so GitHub's own date is what to subtract.
  std::string_view const reset = find_header(headers, "x-ratelimit-reset");
  std::int64_t at = 0;
  auto const parsed = std::from_chars(reset.data(), reset.data() + reset.size(), at);
  if (!now || reset.empty() || parsed.ec != std::errc() || at < *now) return std::nullopt;
  return std::min(seconds(at - *now), seconds(std::chrono::days(7)));
}

bool contains(std::string_view text, std::string_view part) {
  auto const lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return !std::ranges::search(text, part, {}, lower, lower).empty();
}

// One plain sentence for each reason for which GitHub gives an account no Copilot token.
std::string_view advice_for(std::string_view notification_id) {
  struct Row {
    std::string_view id, advice;
  };
  static constexpr std::array rows = {
      Row{"no_copilot_access",
          "This account has no Copilot plan: take one (there is a free one), or ask your "
          "organization for a seat."},
      Row{"not_signed_up",
          "This account has not signed up for Copilot: sign up on the page below; there is a free "
          "plan."},
      Row{"subscription_ended",
          "The Copilot subscription has ended: renew it on the page below, or switch to the free "
          "plan."},
      Row{"enterprise_managed_user_account",
          "This account is managed by an enterprise and cannot take a plan of its own: ask the "
          "enterprise's administrator for a Copilot seat."},
      Row{"feature_flag_blocked",
          "GitHub has switched Copilot off for this account: contact GitHub Support."},
      Row{"spammy_user",
          "GitHub has flagged this account, which blocks Copilot: contact GitHub Support."},
      Row{"billing_locked",
          "Billing is locked for this account: settle the payment in GitHub's billing settings."},
      Row{"trade_restricted",
          "Trade restrictions apply to this account, so GitHub may not offer it Copilot."},
      Row{"trade_restricted_country",
          "Trade restrictions apply to the country this account is used from, so GitHub may not "
          "offer it Copilot."},
      Row{"codespaces_demo_inactive",
          "The codespaces demo that gave access to Copilot is over: sign in with an account that "
          "has a plan."},
      Row{"snippy_not_configured",
          "The setting for suggestions that match public code has not been chosen yet: choose it "
          "in the Copilot settings on GitHub."},
      Row{"expired_coupon", "The coupon that paid for Copilot has expired: take a plan."},
      Row{"revoked_coupon", "The coupon that paid for Copilot was withdrawn: take a plan."},
      Row{"go_http_client",
          "GitHub took this program for an unknown client: check that the client identification "
          "(User-Agent, Editor-Version) was not changed in the configuration."},
      Row{"programmatic_token_generation",
          "GitHub noticed tokens being fetched by a script and stopped it: stop other programs "
          "that use this account's Copilot, wait, and contact GitHub Support if it stays so."},
      Row{"access_revoked",
          "GitHub has withdrawn this account's access to Copilot: contact GitHub Support."},
      Row{"server_error", "GitHub had a fault of its own: try again later."},
  };
  for (Row const& row : rows) {
    if (row.id == notification_id) return row.advice;
  }
  return "Check the Copilot settings of this account on GitHub.";
}

// Ends a text from GitHub as a sentence.
std::string as_sentence(std::string_view text) {
  std::string out = printable(text);
  if (!out.empty() && !out.ends_with('.') && !out.ends_with('!') && !out.ends_with('?')) {
    out.push_back('.');
  }
  return out;
}

// 403 with Copilot's own envelope.
Error no_access_error(json::object const& details) {
  std::string_view const id = text_at(details, "notification_id");
  std::string words = as_sentence(text_at(details, "message"));
  if (words.empty()) words = as_sentence(text_at(details, "title"));
  if (!words.empty()) words.push_back(' ');
  words.append(advice_for(id));
  bool const their_fault = id == "server_error";
  Error error = fail(their_fault ? ErrorCode::upstream_failed : ErrorCode::no_copilot_access,
                     "GitHub gave no Copilot token: " + words)
                    .with_detail("notification_id: " + printable(id, 100));
  std::string_view const url = text_at(details, "url");
  if (is_web_link(url)) error = std::move(error).with_url(std::string(url));
  return error;
}

// Any non-2xx answer of api.github.com about Copilot. `asked` is what was wanted: "the Copilot
// token".
Error github_error(int status, HeaderView const& headers, std::string_view body,
                   std::string_view asked) {
  std::string_view const type = find_header(headers, "content-type");
  bool const html = looks_like_html(type, body.substr(0, 512)) && !body.starts_with('{');
  if (html && status < 500 && status != 408 &&
      find_header(headers, "x-github-request-id").empty()) {
    return not_copilot_error("GitHub's address", type, body);
  }
  json::object said;
  if (!html) {
    if (auto parsed = parse_json(body.substr(0, 64u << 10)); parsed && parsed->is_object()) {
      said = std::move(parsed->get_object());
    }
  }
  std::string const number = std::to_string(status);
  std::string const words = as_sentence(text_at(said, "message"));
  std::string const quoted = words.empty() ? std::string() : " " + words;
  auto const with_link = [&said](Error error) {
    std::string_view const url = text_at(said, "documentation_url");
    if (!is_web_link(url)) return error;
    return std::move(error).with_url(std::string(url));
  };
  std::string prefix = "GitHub did not give ";
  prefix.append(asked).append(" (").append(number).append("):");

  if (status == 401) {
    return with_link(fail(ErrorCode::token_rejected,
                          "GitHub does not accept the sign-in any more (401):" +
                              (words.empty() ? std::string(" bad credentials.") : quoted) +
                              " Sign in again."));
  }
  if (status == 403 || status == 429) {
    bool const limited = status == 429 || contains(words, "rate limit") ||
                         find_header(headers, "x-ratelimit-remaining") == "0";
    auto const* const details = object_at(said, "error_details");
    if (details != nullptr && status == 403) return no_access_error(*details);
    if (limited) {
      auto const wait = wait_until_reset(headers).value_or(seconds(60));
      return with_link(fail(ErrorCode::rate_limited,
                            "Rate limit exceeded at GitHub's REST interface:" +
                                (words.empty() ? std::string(" too many requests.") : quoted) +
                                " Try again in " + std::to_string(wait.count()) + " seconds.")
                           .with_retry_after(wait));
    }
    if (contains(words, "personal access token") || contains(words, "not accessible by")) {
      return with_link(fail(ErrorCode::token_rejected,
                            prefix + quoted +
                                " This kind of token cannot be exchanged for Copilot: sign in with "
                                "the device flow."));
    }
    if (boolean_at(said, "can_signup_for_limited").value_or(false)) {
      json::object const bare = {{"message", text_at(said, "message")},
                                 {"notification_id", "not_signed_up"},
                                 {"url", "https://github.com/settings/copilot"}};
      return no_access_error(bare);
    }
    return with_link(
        fail(ErrorCode::forbidden, prefix + (words.empty() ? std::string(" forbidden.") : quoted) +
                                       " The Copilot settings on GitHub, or the organization's "
                                       "administrator, decide about this."));
  }
  if (status == 404) {
    return with_link(fail(ErrorCode::token_rejected,
                          prefix + (words.empty() ? std::string(" not found.") : quoted) +
                              " The app that this token comes from may not use Copilot, or the "
                              "account is unknown to it: sign in with the device flow."));
  }
  if (status == 466) {
    return fail(ErrorCode::client_too_old,
                prefix + quoted +
                    " GitHub no longer serves this version of the client. Update "
                    "jumpseat.");
  }
  if (status >= 300 && status < 400) {
    return fail(ErrorCode::unexpected_redirect,
                prefix + " it answered with a redirect, which is not followed.");
  }
  if (status >= 400 && status < 500 && status != 408) {
    return with_link(fail(ErrorCode::upstream_rejected, prefix + quoted + " Report this as a bug.")
                         .with_http_status(status));
  }
  return fail(ErrorCode::upstream_failed,
              prefix + quoted +
                  " GitHub had a fault; try again later. https://www.githubstatus.com tells about "
                  "outages.");
}

bool is_success(int status) { return status >= 200 && status < 300; }

// The object of a 2xx answer of api.github.com, or what is wrong with it.
Result<json::object> read_object(int status, HeaderView const& headers, std::string_view body,
                                 std::string_view asked) {
  if (!is_success(status)) return github_error(status, headers, body, asked);
  std::string_view const type = find_header(headers, "content-type");
  if (looks_like_html(type, body.substr(0, 512))) {
    return not_copilot_error("GitHub's address", type, body);
  }
  auto parsed = parse_json(body);
  if (!parsed || !parsed->is_object()) {
    std::string message = "GitHub's answer about ";
    message.append(asked).append(" is not what it should be. Try again.");
    Error error = fail(ErrorCode::bad_upstream_json, std::move(message));
    // The message names a place in the text, never the text: a token may be in it.
    if (!parsed) error = std::move(error).with_detail(parsed.error().message());
    return error;
  }
  return std::move(parsed->get_object());
}

// ---- Quotas ----

Quota read_snapshot(std::string_view name, json::object const& snapshot) {
  Quota quota;
  quota.name = name;
  quota.unlimited = boolean_at(snapshot, "unlimited").value_or(false);
  quota.entitlement = number_at(snapshot, "entitlement").value_or(0);
  // quota_remaining has the fraction that remaining lacks.
  auto const remaining = number_at(snapshot, "quota_remaining");
  quota.remaining = remaining ? *remaining : number_at(snapshot, "remaining").value_or(0);
  auto const percent = number_at(snapshot, "percent_remaining");
  if (percent) {
    quota.percent_remaining = *percent;
  } else if (quota.entitlement > 0) {
    quota.percent_remaining = quota.remaining / quota.entitlement * 100;
  } else if (quota.unlimited) {
    quota.percent_remaining = 100;
  }
  quota.overage_permitted = boolean_at(snapshot, "overage_permitted").value_or(false);
  return quota;
}

// The Free plan's: what is left, beside the month's totals.
void read_free_quotas(CopilotUser& user, json::object const& account) {
  auto const* const left = object_at(account, "limited_user_quotas");
  if (left == nullptr) return;
  auto const* const totals = object_at(account, "monthly_quotas");
  for (auto const& member : *left) {
    auto const remaining = number_at(*left, member.key());
    if (!remaining) continue;
    Quota quota;
    quota.name = member.key();
    quota.remaining = *remaining;
    if (totals != nullptr) quota.entitlement = number_at(*totals, member.key()).value_or(0);
    if (quota.entitlement > 0) quota.percent_remaining = *remaining / quota.entitlement * 100;
    user.quotas.push_back(std::move(quota));
  }
}

std::optional<double> decimal(std::string_view text) {
  double number = 0;
  auto const [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size() ||
      !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

Result<DeviceCode> read_device_code(int status, std::string_view body) {
  std::string const number = std::to_string(status);
  auto const answer = read_answer(body);
  if (answer && answer->contains("error")) {
    std::string_view const code = text_at(*answer, "error");
    std::string_view advice = "Try again later.";
    if (code == "incorrect_client_credentials" || code == "unauthorized_client") {
      advice = "The configured client id is not known to GitHub.";
    } else if (code == "device_flow_disabled") {
      advice = "The owner of the configured client id does not allow the device flow.";
    }
    return sign_in_error(oauth_words(*answer) + ". " + std::string(advice))
        .with_detail("HTTP " + number);
  }
  if (status == 429) {
    return sign_in_error("too many sign-ins were started (429). Wait a few minutes and try again.");
  }
  if (status >= 500) {
    return sign_in_error("GitHub had a fault (" + number + "). Try again later.");
  }
  if (status == 404) {
    return sign_in_error(
        "it answered 404. The configured client id or host is not one that offers the device "
        "flow.");
  }
  if (!is_success(status) || !answer) {
    return sign_in_error("its answer (" + number +
                         ") is not of the device flow. A proxy or a log-in page may be in the way.")
        .with_detail(printable(body, 200));
  }
  DeviceCode code;
  code.user_code = text_at(*answer, "user_code");
  code.verification_uri = text_at(*answer, "verification_uri");
  std::string_view const device_code = text_at(*answer, "device_code");
  if (!is_token(device_code)) return sign_in_error("its answer has no usable device code.");
  if (!is_user_code(code.user_code)) {
    return sign_in_error("the code it gave to type in (\"" + printable(code.user_code, 40) +
                         "\") is not of the form ABCD-1234.");
  }
  if (code.verification_uri.empty()) return sign_in_error("its answer names no page.");
  code.device_code = Secret(std::string(device_code));
  constexpr std::int64_t day = 86400;
  if (auto const lasts = number_or_text_at(*answer, "expires_in"); lasts && *lasts > 0) {
    code.expires_in = std::min(*lasts, day);
  }
  if (auto const interval = number_or_text_at(*answer, "interval")) {
    code.interval = std::clamp<std::int64_t>(*interval, 1, 300);
  }
  return code;
}

AccessTokenReply read_access_token(int status, std::string_view body) {
  using Kind = AccessTokenReply::Kind;
  AccessTokenReply reply;
  auto const answer = read_answer(body);
  bool const passing = status >= 500 || status == 408 || status == 425 || status == 429;
  if (!answer) {
    // A fault page, or something in the way: neither says anything about the code.
    bool const other = is_success(status) || looks_like_html({}, body.substr(0, 512));
    reply.kind = passing || other ? Kind::transient : Kind::failed;
    reply.error = "HTTP " + std::to_string(status) + " without an answer of the device flow";
    return reply;
  }
  std::string_view const error = text_at(*answer, "error");
  if (!error.empty()) {
    reply.error = printable(error, 100);
    reply.description = printable(text_at(*answer, "error_description"), 300);
    if (error == "authorization_pending") {
      reply.kind = Kind::pending;
    } else if (error == "slow_down") {
      reply.kind = Kind::slow_down;
      reply.interval = number_or_text_at(*answer, "interval");
    } else if (error == "expired_token" || error == "token_expired") {
      reply.kind = Kind::expired;
    } else if (error == "access_denied") {
      reply.kind = Kind::denied;
    } else {
      reply.kind = passing ? Kind::transient : Kind::failed;
    }
    return reply;
  }
  std::string_view const token = text_at(*answer, "access_token");
  if (is_success(status) && is_token(token)) {
    reply.kind = Kind::granted;
    reply.access_token = Secret(std::string(token));
    std::string_view const refresh = text_at(*answer, "refresh_token");
    if (is_token(refresh)) reply.refresh_token = Secret(std::string(refresh));
    auto const lasts = number_or_text_at(*answer, "expires_in");
    if (lasts && *lasts > 0) reply.expires_in = lasts;
    return reply;
  }
  reply.kind = passing ? Kind::transient : Kind::failed;
  reply.error = "HTTP " + std::to_string(status) + " with neither a usable token nor an error";
  reply.description = printable(text_at(*answer, "message"), 300);
  return reply;
}

Result<CopilotToken> read_copilot_token(int status, HeaderView const& headers,
                                        std::string_view body) {
  auto const answer = read_object(status, headers, body, "the Copilot token");
  if (!answer) return answer.error();
  auto const lacks = [](std::string_view member) {
    std::string message = "GitHub's answer about the Copilot token has no usable `";
    message.append(member).append("`. Try again; update jumpseat if this stays so.");
    return fail(ErrorCode::bad_upstream_json, std::move(message));
  };
  CopilotToken token;
  std::string_view const text = text_at(*answer, "token");
  if (!is_token(text)) return lacks("token");
  token.token = Secret(std::string(text));
  auto const expires_at = whole_number_at(*answer, "expires_at");
  if (!expires_at || *expires_at <= 0) return lacks("expires_at");
  token.expires_at = *expires_at;
  auto const refresh_in = whole_number_at(*answer, "refresh_in");
  if (!refresh_in || *refresh_in <= 0) return lacks("refresh_in");
  token.refresh_in = *refresh_in;
  // All the rest may be missing or of another type.
  token.sku = text_at(*answer, "sku");
  if (auto const* const endpoints = object_at(*answer, "endpoints")) {
    token.api = text_at(*endpoints, "api");
    token.proxy = text_at(*endpoints, "proxy");
  }
  token.chat_enabled = boolean_at(*answer, "chat_enabled").value_or(true);
  if (auto const* const notice = object_at(*answer, "user_notification")) {
    token.notice = printable(text_at(*notice, "message"));
    std::string_view const url = text_at(*notice, "url");
    if (is_web_link(url)) token.notice_url = url;
  }
  return token;
}

Result<CopilotUser> read_copilot_user(int status, HeaderView const& headers,
                                      std::string_view body) {
  auto const answer = read_object(status, headers, body, "the account's Copilot plan");
  if (!answer) return answer.error();
  CopilotUser user;
  user.login = text_at(*answer, "login");
  user.plan = text_at(*answer, "copilot_plan");
  user.sku = text_at(*answer, "access_type_sku");
  for (std::string_view key : {"quota_reset_date", "limited_user_reset_date"}) {
    if (user.reset_date.empty()) user.reset_date = text_at(*answer, key);
  }
  if (auto const* const endpoints = object_at(*answer, "endpoints")) {
    user.api = text_at(*endpoints, "api");
  }
  if (auto const* const snapshots = object_at(*answer, "quota_snapshots")) {
    for (auto const& member : *snapshots) {
      auto const* const snapshot = member.value().if_object();
      if (snapshot != nullptr) user.quotas.push_back(read_snapshot(member.key(), *snapshot));
    }
  }
  if (user.quotas.empty()) read_free_quotas(user, *answer);
  user.has_access =
      user.sku != "no_access" && !(user.sku.empty() && user.quotas.empty() &&
                                   boolean_at(*answer, "can_signup_for_limited").value_or(false));
  return user;
}

std::optional<Quota> read_quota_header(std::string_view name, std::string_view value) {
  constexpr std::string_view prefix = "x-quota-snapshot-";
  std::string lower;
  for (char const c : name) {
    lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  if (!lower.starts_with(prefix) || lower.size() == prefix.size()) return std::nullopt;
  json::object const form = read_form(value);
  auto const entitlement = decimal(text_at(form, "ent"));
  auto const percent = decimal(text_at(form, "rem"));
  if (!entitlement || !percent) return std::nullopt;
  Quota quota;
  quota.name = lower.substr(prefix.size());
  quota.unlimited = *entitlement == -1;
  quota.entitlement = quota.unlimited ? 0 : *entitlement;
  quota.percent_remaining = *percent;
  auto const remaining = decimal(text_at(form, "totRem"));
  quota.remaining = remaining ? *remaining : quota.entitlement * *percent / 100;
  quota.overage_permitted = text_at(form, "ovPerm") == "true";
  return quota;
}

}  // namespace jumpseat
