// The parts of the JSON reading that are not templates: the parser's front and the error texts.

#include "protocol/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

#include "protocol/scan.h"

namespace jumpseat {
namespace {

// The code unit of the \uXXXX whose backslash is at `at`, or 0 when there is no such escape.
std::uint32_t escaped_unit(std::string_view text, std::size_t at) {
  std::uint32_t unit = 0;
  if (text.substr(at).starts_with("\\u") && text.size() - at >= 6) {
    std::from_chars(text.data() + at + 2, text.data() + at + 6, unit, 16);
  }
  return unit;
}

// Writes \uFFFD over every surrogate escape that lacks its other half. `text` has passed
// check_json(), so a backslash is always inside a string and starts an escape.
std::string without_lone_surrogates(std::string_view text) {
  std::string out(text);
  for (std::size_t at = out.find('\\'); at != std::string::npos; at = out.find('\\', at)) {
    std::uint32_t const unit = escaped_unit(out, at);
    bool const high = unit >= 0xD800 && unit <= 0xDBFF;
    bool const low = unit >= 0xDC00 && unit <= 0xDFFF;
    std::uint32_t const next = high ? escaped_unit(out, at + 6) : 0;
    if (high && next >= 0xDC00 && next <= 0xDFFF) {
      at += 12;
      continue;
    }
    if (high || low) out.replace(at + 2, 4, "FFFD");
    at += 2;  // the rest of a \u escape is plain
  }
  return out;
}

// Boost.JSON reads 1e999 as infinity and 0e999999 as not-a-number, and would write them back as
// something that is not JSON.
bool is_finite(json::value const& value) {
  if (double const* const number = value.if_double()) return std::isfinite(*number);
  if (json::array const* const array = value.if_array()) {
    return std::ranges::all_of(*array, is_finite);
  }
  if (json::object const* const object = value.if_object()) {
    return std::ranges::all_of(
        *object, [](json::key_value_pair const& member) { return is_finite(member.value()); });
  }
  return true;
}

void append_text(std::string& out, json::value const& value);

template <class Items, class Append>
void append_list(std::string& out, char open, char close, Items const& items,
                 Append const& append) {
  out += open;
  bool first = true;
  for (auto const& item : items) {
    if (!first) out += ',';
    first = false;
    append(item);
  }
  out += close;
}

void append_text(std::string& out, json::value const& value) {
  if (auto const* object = value.if_object()) {
    append_list(out, '{', '}', *object, [&](json::key_value_pair const& member) {
      out.append(quote(member.key())).append(":");
      append_text(out, member.value());
    });
  } else if (auto const* array = value.if_array()) {
    append_list(out, '[', ']', *array, [&](json::value const& item) { append_text(out, item); });
  } else if (auto const* number = value.if_double(); number != nullptr && std::isfinite(*number)) {
    std::array<char, 32> digits;
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), *number).ptr;
    out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
  } else if (number != nullptr) {
    out += "null";
  } else {
    out += json::serialize(value);
  }
}

bool is_identifier(std::string_view name) {
  auto const is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::ranges::all_of(name, is_word);
}

}  // namespace

Result<json::value> parse_json(std::string_view text, json::storage_ptr memory) {
  if (auto const problem = check_json(text, max_json_depth)) {
    return fail(ErrorCode::parse_error, "Not JSON: " + problem->text());
  }
  json::parse_options options;
  options.max_depth = max_json_depth;
  boost::system::error_code ec;
  json::value value = json::parse(text, ec, memory, options);
  // Boost.JSON refuses lone surrogates, under several error codes.
  if (ec) value = json::parse(without_lone_surrogates(text), ec, memory, options);
  if (ec == json::error::exponent_overflow || !is_finite(value)) {
    return fail(ErrorCode::parse_error, "JSON with a number that is out of range");
  }
  if (ec) return fail(ErrorCode::parse_error, "JSON that cannot be read: " + ec.message());
  return value;
}

std::string json_text(json::value const& value) {
  std::string out;
  append_text(out, value);
  return out;
}

namespace codec {

std::string Path::text() const {
  if (parent_ == nullptr) return "$";
  std::string text = parent_->text();
  if (index_) return text.append("[").append(std::to_string(*index_)).append("]");
  if (is_identifier(member_)) return text.append(".").append(member_);
  return text.append("[").append(quote(member_)).append("]");
}

Error expected(std::string_view what, Path const& path) {
  return fail(ErrorCode::invalid_request,
              std::string("expected ").append(what).append(" at ").append(path.text()));
}

Error missing(Path const& path) {
  return fail(ErrorCode::invalid_request, "missing " + path.text());
}

}  // namespace codec
}  // namespace jumpseat
