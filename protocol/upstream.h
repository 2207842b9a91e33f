// GitHub's and Copilot's JSON: device flow, token exchange, user, models, errors. Shapes and their
// reading only; who calls what is in server/auth and server/upstream. All of it but the device flow
// is undocumented and moves every few weeks, so unknown members, unknown codes and unknown models
// are tolerated everywhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include "protocol/result.h"
#include "protocol/secret.h"

namespace jumpseat {

using HeaderView = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// ---- Device flow (RFC 8628; GitHub "Authorizing OAuth apps", device flow) ----

// Answer of POST /login/device/code. JSON, or form-encoded when GitHub felt like it.
struct DeviceCode {
  Secret device_code;
  std::string user_code;  // "ABCD-1234"
  std::string verification_uri;
  std::int64_t expires_in = 900;  // seconds
  std::int64_t interval = 5;      // seconds, at least
};
// Fails with sign_in_failed: not an answer of that shape; a user code that is not
// [A-Z0-9]{4}-[A-Z0-9]{4}; an `error` member (its code in the message).
Result<DeviceCode> read_device_code(int status, std::string_view body);

// Answer of POST /login/oauth/access_token. Errors come with HTTP 200 and an `error` member.
struct AccessTokenReply {
  enum class Kind {
    granted,
    pending,
    slow_down,
    denied,
    expired,
    transient,  // GitHub stumbled (5xx, 408, 429, no answer of this shape): poll again
    failed      // final
  } kind = Kind::failed;
  Secret access_token;                     // granted
  Secret refresh_token;                    // granted, when GitHub gives one
  std::optional<std::int64_t> expires_in;  // seconds, likewise
  std::optional<std::int64_t> interval;    // slow_down: the new interval, when given
  std::string error;                       // failed, transient: GitHub's code, or what was odd
  std::string description;
};
AccessTokenReply read_access_token(int status, std::string_view body);

// ---- Token exchange: GET /copilot_internal/v2/token ----

struct CopilotToken {
  Secret token;
  std::int64_t expires_at = 0;  // Unix seconds by GitHub's clock
  std::int64_t refresh_in = 0;  // seconds from receipt
  std::string sku;              // "monthly_subscriber", …; may be empty
  std::string api;              // endpoints.api; empty when absent
  std::string proxy;            // endpoints.proxy
  bool chat_enabled = true;
  std::string notice;  // user_notification.message, for the person
  std::string notice_url;
};
// Only token, expires_at and refresh_in are required. Any non-2xx status becomes the error of its
// meaning: 401 token_rejected; 403 with Copilot's envelope no_copilot_access (GitHub's message,
// link, and one sentence per notification_id); 403/429 REST limit rate_limited; 403 wrong token
// kind and 404 token_rejected with the reason; 5xx upstream_failed; HTML not_copilot.
Result<CopilotToken> read_copilot_token(int status, HeaderView const& headers,
                                        std::string_view body);

// ---- GET /copilot_internal/user ----

struct Quota {
  std::string name;  // chat, completions, premium_interactions
  bool unlimited = false;
  double percent_remaining = 0;  // may be negative or fractional
  double entitlement = 0;
  double remaining = 0;  // may be negative
  bool overage_permitted = false;
};
BOOST_DESCRIBE_STRUCT(Quota, (),
                      (name, unlimited, percent_remaining, entitlement, remaining,
                       overage_permitted))

struct CopilotUser {
  std::string login;
  std::string plan;           // copilot_plan, a label
  std::string sku;            // access_type_sku
  bool has_access = true;     // false: "no_access"
  std::string reset_date;     // YYYY-MM-DD; empty when unknown
  std::string api;            // endpoints.api
  std::vector<Quota> quotas;  // paid snapshots, or the Free plan's limited_user_quotas
};
Result<CopilotUser> read_copilot_user(int status, HeaderView const& headers, std::string_view body);

// A quota header of a data-plane reply ("x-quota-snapshot-…": a query string).
std::optional<Quota> read_quota_header(std::string_view name, std::string_view value);

// ---- GET /models ----

struct Model {
  std::string id;
  std::string name;
  std::string vendor;
  std::string family;
  std::string type = "chat";  // capabilities.type: chat, embeddings, completion
  bool preview = false;
  bool picker = false;  // model_picker_enabled
  bool chat_default = false;
  bool chat_fallback = false;
  std::string policy;                  // policy.state; empty = usable
  std::vector<std::string> endpoints;  // supported_endpoints; never empty ("/chat/completions")
  std::optional<std::int64_t> max_context, max_prompt, max_output, max_non_streaming_output,
      max_inputs;
  bool streaming = true, tool_calls = false, parallel_tool_calls = false, vision = false,
       structured_outputs = false;
  std::vector<std::string> reasoning_effort;
  std::optional<double> multiplier;  // billing.multiplier
  bool premium = false;
  boost::json::object raw;  // the entry as it came

  bool usable() const { return policy != "disabled"; }
  bool serves(std::string_view endpoint) const;  // "/chat/completions"
};
// Each entry on its own: a bad one is dropped and counted (quality row U29), of several with one id
// the first counts. Fails only when the body is no list at all.
struct ModelList {
  std::vector<Model> models;
  std::size_t dropped = 0;
};
Result<ModelList> read_models(int status, HeaderView const& headers, std::string_view body);
// The same from the text in the cache.
Result<ModelList> read_models(std::string_view body);

// ---- Errors of the data plane ----

// Any non-2xx answer of a Copilot route, or a 2xx one that looks_like_html(), as our error. Tries
// JSON whatever the content type says, unwraps `error`, keeps plain text, never shows HTML
// (not_copilot, which names `host` and the content type, unless GitHub's own request id says that
// GitHub wrote it). At most 64 KiB of the body are looked at. 429/402 carry the normalised
// Retry-After, a 429 without one a suggestion. Where upstream's `code` says more than ours it is
// kept as name(): rate limits, refusals, faults. `model` is the name that was asked for, for "Model
// 'x' not found".
Error read_upstream_error(int status, HeaderView const& headers, std::string_view body,
                          std::string_view host, std::string_view model, std::int64_t now_unix);

// How long upstream itself asks to wait, in Retry-After or in the body of an error; nothing when it
// does not say.
std::optional<std::chrono::seconds> named_wait(HeaderView const& headers, std::string_view body,
                                               std::int64_t now_unix);

// An error object inside a 200 stream or body (`error`: object or text).
Error read_inband_error(boost::json::value const& error);

// An answer that some other program gave in Copilot's place (quality row U10). The start of the
// body goes into detail(), escaped.
Error not_copilot_error(std::string_view host, std::string_view content_type,
                        std::string_view body);

// Retry-After as seconds: seconds or an HTTP date (RFC 9110 10.2.3). Negative, junk: nothing; a
// date that is past: zero. At most 7 days.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value,
                                                      std::int64_t now_unix);

// A date of HTTP (RFC 9110 5.6.7, all three formats) as Unix seconds. `now_unix` gives the century
// of the format that has none.
std::optional<std::int64_t> parse_http_date(std::string_view value, std::int64_t now_unix);

// The value of header `name` (lower case); empty when absent.
std::string_view find_header(HeaderView const& headers, std::string_view name);

// True when a 2xx answer's content type cannot be Copilot's (text/html: a captive portal or a
// proxy's log-in page; quality row U10).
bool looks_like_html(std::string_view content_type, std::string_view body_start);

// True for a link from outside that can be shown and opened as it is: https, visible ASCII, at most
// 2000 bytes.
bool is_web_link(std::string_view text);

// Text from outside made safe to show: control characters (C0, C1, DEL), line separators and bidi
// controls escaped, bytes that are not UTF-8 replaced; at most `max` bytes, cut at a character.
std::string printable(std::string_view text, std::size_t max = 500);

}  // namespace jumpseat
