// What upstream says when it says no: bodies of four shapes (an `error` object, the same without
// its wrapping, plain text, somebody's HTML), statuses, codes, headers; and their one meaning each.

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "protocol/json.h"
#include "protocol/json_fields.h"
#include "protocol/upstream.h"

namespace jumpseat {
namespace {

using std::chrono::seconds;

constexpr std::size_t max_error_body = 64u << 10;
constexpr seconds longest_wait = std::chrono::days(7);
// Said to the caller when upstream refuses for now and names no time.
constexpr seconds suggested_wait(60);

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_letters(char a, char b) { return lower(a) == lower(b); }

bool starts_with(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::equal(start.begin(), start.end(), text.begin(), same_letters);
}

bool contains(std::string_view text, std::string_view part) {
  return !std::ranges::search(text, part, same_letters).empty();
}

bool is_html(std::string_view body) {
  if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
  body = trim(body);
  for (std::string_view start :
       {"<!doctype", "<html", "<head", "<body", "<title", "<!--", "<?xml"}) {
    if (starts_with(body, start)) return true;
  }
  return false;
}

// What a body says, whatever its shape. The texts are as they came.
struct Said {
  std::string code;
  std::string type;
  std::string message;
  std::string url;
  std::optional<std::int64_t> status;  // a code that is a number
  std::optional<seconds> retry_after;
  bool wants_consent = false;  // `authorize_url`: a remote agent asks for it
};

// The first https link of GitHub's own in a text.
std::string github_link(std::string_view text) {
  for (std::string_view host :
       {"https://github.com/", "https://docs.github.com/", "https://gh.io/"}) {
    std::size_t const start = text.find(host);
    if (start == std::string_view::npos) continue;
    std::string_view link = text.substr(start);
    link = link.substr(0, link.find_first_of(" \t\r\n\"'<>)]}"));
    while (link.ends_with('.') || link.ends_with(',')) link.remove_suffix(1);
    if (is_web_link(link)) return std::string(link);
  }
  return {};
}

std::optional<seconds> wait_in_seconds(std::string_view digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  std::int64_t count = 0;
  auto const parsed = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (parsed.ec == std::errc::result_out_of_range) return longest_wait;
  return std::min(seconds(count), longest_wait);
}

void take_members(Said& said, json::object const& object) {
  auto const keep = [&object](std::string& into, std::string_view key) {
    if (into.empty()) into = text_at(object, key);
  };
  keep(said.code, "code");
  keep(said.type, "type");
  keep(said.message, "message");
  if (!said.status) said.status = whole_number_at(object, "code");
  for (std::string_view key : {"url", "authorize_url", "documentation_url", "help_url"}) {
    std::string_view const link = text_at(object, key);
    if (said.url.empty() && is_web_link(link)) said.url = link;
  }
  if (!text_at(object, "authorize_url").empty()) said.wants_consent = true;
  if (!said.retry_after) {
    auto const wait = number_at(object, "retry_after");
    if (wait && *wait >= 0) {
      auto const cap = static_cast<double>(longest_wait.count());
      said.retry_after = seconds(static_cast<std::int64_t>(std::ceil(std::min(*wait, cap))));
    } else {
      said.retry_after = wait_in_seconds(text_at(object, "retry_after"));
    }
  }
}

Said read_error_value(json::value const& value) {
  Said said;
  if (auto const* const text = value.if_string()) {
    said.message = *text;
  } else if (auto const* const object = value.if_object()) {
    json::value const* const inner = object->if_contains("error");
    if (inner != nullptr && inner->is_object()) {
      take_members(said, inner->get_object());
      // Of the wrapping only what the inside lacks; its `type` is just "error".
      std::string const type = said.type;
      take_members(said, *object);
      said.type = type;
    } else {
      if (inner != nullptr && inner->is_string()) {
        // {"error":"text"} or OAuth's {"error":"code","error_description":"text"}.
        std::string_view const description = text_at(*object, "error_description");
        if (description.empty()) {
          said.message = inner->get_string();
        } else {
          said.code = inner->get_string();
          said.message = description;
        }
      }
      take_members(said, *object);
    }
    json::object const& named =
        inner != nullptr && inner->is_object() ? inner->get_object() : *object;
    if (auto const* const metadata = object_at(named, "metadata")) {
      Said more;
      take_members(more, *metadata);
      if (said.url.empty()) said.url = more.url;
      if (!said.retry_after) said.retry_after = more.retry_after;
    }
  }
  if (said.url.empty()) said.url = github_link(said.message);
  return said;
}

Said read_body(std::string_view body) {
  body = trim(body.substr(0, max_error_body));
  if (body.starts_with('{') || body.starts_with('"')) {
    auto const parsed = parse_json(body);
    if (parsed) return read_error_value(*parsed);
  }
  Said said;
  said.message = body;
  said.url = github_link(said.message);
  return said;
}

bool is_rate_limit_code(std::string_view code) {
  for (std::string_view start :
       {"rate_limited", "rate_limit_exceeded", "user_global_rate_limited",
        "user_weekly_rate_limited", "user_model_rate_limited", "integration_rate_limited",
        "model_overloaded", "agent_mode_limit_exceeded", "upstream_provider_rate_limit",
        "extension_blocked"}) {
    // "user_global_rate_limited:pro" names the plan as well.
    if (code == start || (code.starts_with(start) && code[start.size()] == ':')) return true;
  }
  return false;
}

bool is_quota_code(std::string_view code) {
  for (std::string_view known : {"quota_exceeded", "free_quota_exceeded", "overage_limit_reached",
                                 "billing_not_configured", "insufficient_quota"}) {
    if (code == known) return true;
  }
  return false;
}

// What the code, or for want of one the words, say; nothing when only the status can tell.
std::optional<ErrorCode> meaning_of(Said const& said) {
  if (said.code == "model_not_supported" || said.code == "model_not_found") {
    return ErrorCode::model_not_found;
  }
  if (said.code == "unsupported_api_for_model" ||
      contains(said.message, "is not accessible via the")) {
    return ErrorCode::unsupported_api_for_model;
  }
  if (said.code == "model_max_prompt_tokens_exceeded" || said.code == "context_length_exceeded" ||
      (contains(said.message, "prompt token count of") && contains(said.message, "limit of")) ||
      contains(said.message, "prompt is too long:") ||
      contains(said.message, "exceeds the context window")) {
    return ErrorCode::context_length_exceeded;
  }
  if (said.code == "content_filter") return ErrorCode::content_filtered;
  if (is_rate_limit_code(said.code)) return ErrorCode::rate_limited;
  if (is_quota_code(said.code)) return ErrorCode::quota_exhausted;
  return std::nullopt;
}

// A code that can be shown and sent on as it is: a word, not a sentence.
bool is_word(std::string_view code) {
  return !code.empty() && code.size() <= 80 && std::ranges::all_of(code, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':';
  });
}

std::string wait_text(seconds wait) {
  auto const count = wait.count();
  auto const in = [](std::int64_t number, std::string_view unit) {
    return std::to_string(number).append(" ").append(unit).append(number == 1 ? "" : "s");
  };
  if (count < 120) return in(count, "second");
  if (count < 7200) return in((count + 59) / 60, "minute");
  return in((count + 3599) / 3600, "hour");
}

// "Phrase: what upstream said. What to do."
std::string sentence(std::string_view phrase, std::string_view said, std::string_view advice) {
  std::string text(phrase);
  std::string const words = printable(trim(said));
  if (!words.empty()) text.append(": ").append(words);
  if (!text.ends_with('.') && !text.ends_with('!') && !text.ends_with('?')) text.push_back('.');
  if (!advice.empty()) text.append(" ").append(advice);
  return text;
}

// The numbers of "prompt token count of N exceeds the limit of M" and "prompt is too long: N tokens
// > M maximum".
std::optional<std::pair<std::string, std::string>> two_numbers(std::string_view text) {
  std::array<std::string, 2> found;
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size() && count < found.size();) {
    std::size_t const end = std::min(text.find_first_not_of("0123456789", i), text.size());
    if (end == i) {
      ++i;
      continue;
    }
    // "gpt-4" is not a count.
    bool const in_word = i > 0 && (std::isalnum(static_cast<unsigned char>(text[i - 1])) != 0 ||
                                   text[i - 1] == '-' || text[i - 1] == '.' || text[i - 1] == '_');
    if (!in_word && end - i <= 12) found[count++] = text.substr(i, end - i);
    i = end;
  }
  if (count < 2) return std::nullopt;
  return std::pair(found[0], found[1]);
}

Error model_error(std::string_view model, Said const& said) {
  std::string text = model.empty() ? std::string("Model not found")
                                   : "Model '" + printable(model, 200) + "' not found";
  text.append(
      ": GitHub Copilot does not offer it to this account. Likely causes: the plan does not "
      "include "
      "it, the organization's policy has it switched off, it is not available in this region, or "
      "it "
      "was retired. Choose one from the model list.");
  return fail(ErrorCode::model_not_found, std::move(text)).with_detail(printable(said.message));
}

Error context_error(Said const& said) {
  if (auto const numbers = two_numbers(said.message)) {
    return fail(ErrorCode::context_length_exceeded,
                "The prompt is too long: it has " + numbers->first +
                    " tokens, and the model takes at most " + numbers->second +
                    ". Shorten it, or choose a model with a larger context.")
        .with_detail(printable(said.message));
  }
  return fail(ErrorCode::context_length_exceeded,
              sentence("The prompt is too long", said.message,
                       "Shorten it, or choose a model with a larger context."));
}

Error rate_limit_error(Said const& said, std::optional<seconds> wait) {
  seconds const known = wait.value_or(suggested_wait);
  return fail(ErrorCode::rate_limited, sentence("Rate limit exceeded", said.message,
                                                "Try again in " + wait_text(known) + "."))
      .with_retry_after(known);
}

Error quota_error(Said const& said, std::optional<seconds> wait) {
  Error error = fail(
      ErrorCode::quota_exhausted,
      sentence("Quota used up", said.message,
               "Wait until it is renewed, choose a model that costs no premium requests, or allow "
               "more in the Copilot settings on GitHub."));
  return wait ? std::move(error).with_retry_after(*wait) : std::move(error);
}

Error unsupported_api_error(std::string_view model, Said const& said) {
  std::string const name = model.empty() ? "The model" : "Model '" + printable(model, 200) + "'";
  return fail(ErrorCode::unsupported_api_for_model,
              sentence(name + " cannot be used for chat completions", said.message,
                       "Choose another model."));
}

Error filtered_error(Said const& said) {
  return fail(ErrorCode::content_filtered,
              sentence("GitHub Copilot's content filter refused the request", said.message,
                       "Change the prompt."));
}

bool is_wrong_token_kind(std::string_view message) {
  return contains(message, "Personal Access Token");
}

constexpr std::string_view token_kind_advice =
    "Sign in with the device flow, or use a fine-grained token that has the \"Copilot Requests\" "
    "permission.";

std::optional<seconds> wait_of(Said const& said, HeaderView const& headers, std::int64_t now_unix) {
  auto const header = parse_retry_after(find_header(headers, "retry-after"), now_unix);
  return header ? header : said.retry_after;
}

Error by_status(int status, Said const& said, std::optional<seconds> wait) {
  switch (status) {
    case 401:
      if (said.wants_consent) {
        return fail(ErrorCode::forbidden,
                    sentence("The agent asks for your consent first", said.message,
                             "Give it on the page that the link leads to."))
            .with_http_status(401);
      }
      return fail(ErrorCode::token_rejected,
                  sentence("GitHub Copilot did not accept the sign-in", said.message,
                           is_wrong_token_kind(said.message) ? token_kind_advice
                                                             : "Sign in again if this stays so."));
    case 402:
      return quota_error(said, wait);
    case 403:
      return fail(ErrorCode::forbidden,
                  sentence("GitHub Copilot refused", said.message,
                           "The Copilot settings on GitHub, or the organization's administrator, "
                           "decide about this."));
    case 404:
      return fail(ErrorCode::upstream_rejected,
                  sentence("GitHub Copilot knows no such route", said.message, ""))
          .with_http_status(404);
    case 408:
      return fail(ErrorCode::upstream_failed,
                  sentence("GitHub Copilot timed out", said.message, "Try again."));
    case 413:
      return fail(ErrorCode::upstream_rejected,
                  sentence("The request is too large for GitHub Copilot", said.message,
                           "Send less text, or smaller images."))
          .with_http_status(413);
    case 421:
      return fail(ErrorCode::upstream_failed,
                  sentence("The sign-in belongs to another Copilot host", said.message,
                           "Try again; sign in again if this stays so."));
    case 422:
      return filtered_error(said);
    case 429:
      return rate_limit_error(said, wait);
    case 466:
      return fail(
          ErrorCode::client_too_old,
          sentence("GitHub Copilot no longer serves this version of the client", said.message,
                   "Update jumpseat; until then newer identification values can be "
                   "configured."));
    case 499:
      return fail(ErrorCode::upstream_interrupted,
                  sentence("GitHub Copilot cancelled the request", said.message, "Try again."));
    case 503:
    case 529: {
      Error error = fail(ErrorCode::upstream_failed,
                         sentence("GitHub Copilot is overloaded", said.message, "Try again later."))
                        .with_http_status(503);
      return wait ? std::move(error).with_retry_after(*wait) : std::move(error);
    }
    case 504:
      return fail(ErrorCode::upstream_failed,
                  sentence("GitHub Copilot did not answer in time", said.message, "Try again."))
          .with_http_status(504);
    default:
      break;
  }
  std::string const number = std::to_string(status);
  if (status >= 300 && status < 400) {
    return fail(ErrorCode::unexpected_redirect,
                "GitHub Copilot answered with a redirect (" + number +
                    "), which is not followed. A proxy may be in the way.");
  }
  if (status >= 400 && status < 500) {
    if (is_wrong_token_kind(said.message)) {
      return fail(ErrorCode::token_rejected, sentence("GitHub Copilot did not accept the sign-in",
                                                      said.message, token_kind_advice));
    }
    return fail(ErrorCode::upstream_rejected,
                sentence("GitHub Copilot refused the request (" + number + ")", said.message, ""))
        .with_http_status(status);
  }
  Error error = fail(ErrorCode::upstream_failed,
                     sentence("GitHub Copilot failed (" + number + ")", said.message,
                              "Try again; https://www.githubstatus.com tells about outages."));
  return wait ? std::move(error).with_retry_after(*wait) : std::move(error);
}

Error by_meaning(ErrorCode meaning, Said const& said, std::string_view model,
                 std::optional<seconds> wait) {
  if (meaning == ErrorCode::model_not_found) return model_error(model, said);
  if (meaning == ErrorCode::unsupported_api_for_model) return unsupported_api_error(model, said);
  if (meaning == ErrorCode::context_length_exceeded) return context_error(said);
  if (meaning == ErrorCode::content_filtered) return filtered_error(said);
  if (meaning == ErrorCode::quota_exhausted) return quota_error(said, wait);
  return rate_limit_error(said, wait);
}

// Upstream's own code goes on where it says more than ours.
Error keep_code(Error error, Said const& said) {
  bool const says_more =
      error.code() == ErrorCode::rate_limited || error.code() == ErrorCode::forbidden ||
      error.code() == ErrorCode::upstream_rejected || error.code() == ErrorCode::upstream_failed ||
      error.code() == ErrorCode::upstream_interrupted;
  if (says_more && is_word(said.code)) error = std::move(error).with_name(said.code);
  if (!said.url.empty()) error = std::move(error).with_url(said.url);
  return error;
}

// ---- Dates ----

std::optional<int> digits(std::string_view text) {
  int number = 0;
  for (char const c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return text.empty() ? std::nullopt : std::optional(number);
}

std::optional<unsigned> month_number(std::string_view name) {
  constexpr std::array<std::string_view, 12> names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto const found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<unsigned>(found - names.begin()) + 1;
}

std::optional<std::int64_t> unix_time(std::optional<int> year, std::optional<unsigned> month,
                                      std::optional<int> day, std::string_view time) {
  if (!year || !month || !day) return std::nullopt;
  if (time.size() != 8 || time[2] != ':' || time[5] != ':') return std::nullopt;
  auto const hour = digits(time.substr(0, 2));
  auto const minute = digits(time.substr(3, 2));
  auto const second = digits(time.substr(6, 2));
  if (!hour || !minute || !second) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  std::chrono::year_month_day const date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  std::int64_t const days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86400 + *hour * 3600 + *minute * 60 + *second;
}

// ---- Text made safe to show ----

// The code point that starts at `at`, and its length; length 0 when these bytes are not UTF-8.
std::pair<char32_t, std::size_t> code_point(std::string_view text, std::size_t at) {
  auto const byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  unsigned const first = byte(0);
  if (first < 0x80) return {first, 1};
  std::size_t const length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return {0, 0};
  char32_t point = first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return {0, 0};
    point = (point << 6) | (byte(i) & 0x3Fu);
  }
  bool const overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  if (overlong || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return {0, 0};
  return {point, length};
}

bool is_bidi_or_separator(char32_t point) {
  return point == 0x061C || point == 0x200E || point == 0x200F ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) ||
         point == 0xFEFF;
}

std::string escape(char32_t point) {
  if (point == '\n') return "\\n";
  if (point == '\r') return "\\r";
  if (point == '\t') return "\\t";
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = point <= 0xFF ? "\\x" : "\\u";
  for (int shift = point <= 0xFF ? 4 : 12; shift >= 0; shift -= 4) {
    out.push_back(hex[(point >> shift) & 0xFu]);
  }
  return out;
}

}  // namespace

std::string_view find_header(HeaderView const& headers, std::string_view name) {
  for (auto const& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

Error not_copilot_error(std::string_view host, std::string_view content_type,
                        std::string_view body) {
  std::string text = "The answer";
  if (!host.empty()) text.append(" from ").append(printable(host, 255));
  text.append(" is not GitHub Copilot's: ");
  text.append(content_type.empty() ? "it has no content type"
                                   : "its content type is " + printable(content_type, 100));
  text.append(
      ". A proxy, a firewall or a network's log-in page answered in its place. Open a web page to "
      "see whether the network asks for a log-in, and check the proxy settings.");
  return fail(ErrorCode::not_copilot, std::move(text)).with_detail(printable(body, 200));
}

Error read_upstream_error(int status, HeaderView const& headers, std::string_view body,
                          std::string_view host, std::string_view model, std::int64_t now_unix) {
  body = body.substr(0, max_error_body);
  std::string_view const type = find_header(headers, "content-type");
  // A page that says that all is well is somebody's log-in page, whatever the status promises.
  if (status < 300 && looks_like_html(type, body)) return not_copilot_error(host, type, body);
  Said said;
  if (is_html(body)) {
    bool const from_github = !find_header(headers, "x-github-request-id").empty();
    if (!from_github) return not_copilot_error(host, type, body);
  } else {
    said = read_body(body);
  }
  auto const wait = wait_of(said, headers, now_unix);
  // 401 and 403 are about the sign-in whatever the code says, and 5xx bodies are not to be trusted.
  bool const code_counts = status >= 400 && status < 500 && status != 401 && status != 403;
  auto const meaning = code_counts ? meaning_of(said) : std::nullopt;
  Error error = meaning ? by_meaning(*meaning, said, model, wait) : by_status(status, said, wait);
  return keep_code(std::move(error), said);
}

std::optional<seconds> named_wait(HeaderView const& headers, std::string_view body,
                                  std::int64_t now_unix) {
  body = body.substr(0, max_error_body);
  return wait_of(is_html(body) ? Said() : read_body(body), headers, now_unix);
}

Error read_inband_error(json::value const& value) {
  Said said = read_error_value(value);
  if (auto const meaning = meaning_of(said)) {
    return keep_code(by_meaning(*meaning, said, {}, said.retry_after), said);
  }
  if (said.status && *said.status >= 400 && *said.status < 600) {
    return keep_code(by_status(static_cast<int>(*said.status), said, said.retry_after), said);
  }
  if (said.code.empty()) said.code = said.type;
  Error error = fail(ErrorCode::upstream_interrupted,
                     sentence("GitHub Copilot broke off the answer", said.message, "Ask again."));
  return keep_code(std::move(error), said);
}

std::optional<std::int64_t> parse_http_date(std::string_view value, std::int64_t now_unix) {
  value = trim(value);
  std::size_t const comma = value.find(',');
  if (comma == std::string_view::npos) {
    // asctime: "Sun Nov  6 08:49:37 1994"
    if (value.size() != 24 || value[3] != ' ' || value[7] != ' ' || value[10] != ' ' ||
        value[19] != ' ') {
      return std::nullopt;
    }
    std::string_view const day = value[8] == ' ' ? value.substr(9, 1) : value.substr(8, 2);
    return unix_time(digits(value.substr(20)), month_number(value.substr(4, 3)), digits(day),
                     value.substr(11, 8));
  }
  std::string_view const rest = value.substr(comma + 1);
  if (!rest.ends_with(" GMT")) return std::nullopt;
  if (rest.size() == 25 && rest[0] == ' ' && rest[3] == ' ' && rest[7] == ' ' && rest[12] == ' ') {
    // IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT"
    return unix_time(digits(rest.substr(8, 4)), month_number(rest.substr(4, 3)),
                     digits(rest.substr(1, 2)), rest.substr(13, 8));
  }
  if (rest.size() == 23 && rest[0] == ' ' && rest[3] == '-' && rest[7] == '-' && rest[10] == ' ') {
    // RFC 850: "Sunday, 06-Nov-94 08:49:37 GMT". Two digits of a year that is never more than 50
    // years ahead.
    auto year = digits(rest.substr(8, 2));
    if (!year) return std::nullopt;
    auto const today =
        std::chrono::floor<std::chrono::days>(std::chrono::sys_time<seconds>(seconds(now_unix)));
    int const this_year = static_cast<int>(std::chrono::year_month_day(today).year());
    *year += this_year - this_year % 100;
    if (*year > this_year + 50) *year -= 100;
    return unix_time(year, month_number(rest.substr(4, 3)), digits(rest.substr(1, 2)),
                     rest.substr(11, 8));
  }
  return std::nullopt;
}

std::optional<seconds> parse_retry_after(std::string_view value, std::int64_t now_unix) {
  value = trim(value);
  if (auto const wait = wait_in_seconds(value)) return wait;
  auto const date = parse_http_date(value, now_unix);
  if (!date) return std::nullopt;
  return std::clamp(seconds(*date - now_unix), seconds(0), longest_wait);
}

bool looks_like_html(std::string_view content_type, std::string_view body_start) {
  content_type = trim(content_type);
  if (starts_with(content_type, "text/html") || starts_with(content_type, "application/xhtml")) {
    return true;
  }
  return is_html(body_start);
}

bool is_web_link(std::string_view text) {
  return text.starts_with("https://") && text.size() <= 2000 &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string printable(std::string_view text, std::size_t max) {
  constexpr std::string_view more = "\xE2\x80\xA6";         // …
  constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD
  std::string out;
  // Where `out` can be cut so that the dots still fit.
  std::size_t cut = 0;
  for (std::size_t at = 0; at < text.size();) {
    auto const [point, length] = code_point(text, at);
    std::string escaped;
    std::string_view piece = text.substr(at, length);
    if (length == 0) {
      piece = replacement;
    } else if (point < 0x20 || (point >= 0x7F && point <= 0x9F) || is_bidi_or_separator(point)) {
      escaped = escape(point);
      piece = escaped;
    }
    if (out.size() + piece.size() > max) {
      out.resize(cut);
      if (max >= more.size()) out.append(more);
      return out;
    }
    out.append(piece);
    if (out.size() + more.size() <= max) cut = out.size();
    at += length == 0 ? 1 : length;
  }
  return out;
}

}  // namespace jumpseat
