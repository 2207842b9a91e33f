#include "protocol/request_members.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace jumpseat {
namespace {

// Members with which a gateway of another make lets its caller choose the host, the key or the
// headers of a request that then carries the gateway's own credentials (CVE-2024-6587).
constexpr std::array<std::string_view, 6> refused_members = {
    "apibase", "baseurl", "apikey", "apiversion", "extraheaders", "customllmprovider"};

}  // namespace

std::string unescaped_key(Member const& member) {
  if (member.key.find('\\') == std::string_view::npos) return std::string(member.key);
  return unescape(member.whole.substr(0, member.key.size() + 2));
}

bool is_text(std::string_view value, std::string_view text) {
  if (!is_string(value)) return false;
  if (value.find('\\') == std::string_view::npos) return value.substr(1, value.size() - 2) == text;
  return unescape(value) == text;
}

std::optional<std::int64_t> whole_number(std::string_view value) {
  std::int64_t number = 0;
  auto const [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc() && stop == value.data() + value.size()) return number;
  double real = 0;
  auto const [real_stop, real_error] =
      std::from_chars(value.data(), value.data() + value.size(), real);
  if (real_stop != value.data() + value.size()) return std::nullopt;
  constexpr double limit = 9.2e18;
  if (real_error == std::errc::result_out_of_range || std::abs(real) > limit) {
    return value.starts_with('-') ? std::numeric_limits<std::int64_t>::min()
                                  : std::numeric_limits<std::int64_t>::max();
  }
  if (real_error != std::errc() || real != std::floor(real)) return std::nullopt;
  return static_cast<std::int64_t>(real);
}

std::optional<bool> boolean(std::string_view value) {
  if (value == "true") return true;
  if (value == "false") return false;
  return std::nullopt;
}

bool chooses_destination(std::string_view key) {
  std::array<char, 20> folded;
  std::size_t size = 0;
  for (char const c : key) {
    if (c == '_' || c == '-') continue;
    if (size == folded.size()) return false;
    folded[size++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  std::string_view const name(folded.data(), size);
  return std::ranges::find(refused_members, name) != refused_members.end();
}

Error refuse(std::string_view member, std::string_view what) {
  std::string message = "The request's `";
  message.append(member).append("` ").append(what);
  return fail(ErrorCode::invalid_request, std::move(message));
}

Error refuse_destination(std::string_view member) {
  return refuse(member,
                "is not accepted: where requests go, and with which credentials, is "
                "decided by the configuration of this program.");
}

Result<RequestMembers> RequestMembers::read(std::string_view body,
                                            std::initializer_list<std::string_view> names,
                                            std::string_view wanted) {
  std::size_t const start = body.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || body[start] != '{') {
    return fail(ErrorCode::invalid_request,
                "The request is not a JSON object. Send " + std::string(wanted) + ".");
  }
  RequestMembers out;
  for (Member const& member : members(body)) {
    std::string const key = unescaped_key(member);
    if (chooses_destination(key)) return refuse_destination(key);
    auto const* const name = std::find(names.begin(), names.end(), key);
    if (name == names.end()) continue;
    bool const seen =
        std::ranges::any_of(out.found_, [&](auto const& one) { return one.first == *name; });
    if (seen) return refuse(key, "is given twice. Give it once.");
    std::optional<std::string_view> value;
    if (!is_null(member.value)) value = member.value;
    out.found_.emplace_back(*name, value);
  }
  return out;
}

std::optional<std::string_view> RequestMembers::find(std::string_view name) const {
  for (auto const& [found, value] : found_) {
    if (found == name) return value;
  }
  return std::nullopt;
}

Result<std::optional<std::string>> RequestMembers::text(std::string_view name) const {
  auto const value = find(name);
  if (!value) return std::optional<std::string>();
  if (!is_string(*value)) return refuse(name, "must be a string.");
  return std::optional<std::string>(unescape(*value));
}

Result<std::optional<bool>> RequestMembers::boolean(std::string_view name) const {
  auto const value = find(name);
  if (!value) return std::optional<bool>();
  auto const flag = jumpseat::boolean(*value);
  if (!flag) return refuse(name, "must be true or false.");
  return flag;
}

Result<std::optional<std::int64_t>> RequestMembers::whole_number(std::string_view name) const {
  auto const value = find(name);
  if (!value) return std::optional<std::int64_t>();
  auto const number = jumpseat::whole_number(*value);
  if (!number) return refuse(name, "must be a whole number.");
  return number;
}

}  // namespace jumpseat
