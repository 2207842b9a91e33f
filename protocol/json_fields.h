// Members of JSON that others write and that may be of any type: each function gives the member
// when it is there and of that type, else nothing. For payloads that are read with tolerance (what
// GitHub sends); what callers send goes through decode() in json.h, which complains instead.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include <boost/json.hpp>

namespace jumpseat {

// Empty when absent or no string.
inline std::string_view text_at(boost::json::object const& object, std::string_view key) {
  auto const* const value = object.if_contains(key);
  auto const* const text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

// A number without a fraction that an int64 holds.
inline std::optional<std::int64_t> whole_number(boost::json::value const& value) {
  if (auto const* const number = value.if_int64()) return *number;
  if (auto const* const number = value.if_uint64()) {
    if (*number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {};
    return static_cast<std::int64_t>(*number);
  }
  auto const* const real = value.if_double();
  constexpr double limit = 9e18;
  if (real == nullptr || !(std::abs(*real) < limit) || *real != std::floor(*real)) return {};
  return static_cast<std::int64_t>(*real);
}

inline std::optional<std::int64_t> whole_number_at(boost::json::object const& object,
                                                   std::string_view key) {
  auto const* const value = object.if_contains(key);
  return value == nullptr ? std::nullopt : whole_number(*value);
}

inline std::optional<double> number_at(boost::json::object const& object, std::string_view key) {
  auto const* const value = object.if_contains(key);
  if (value == nullptr) return std::nullopt;
  if (auto const* const number = value->if_int64()) return static_cast<double>(*number);
  if (auto const* const number = value->if_uint64()) return static_cast<double>(*number);
  if (auto const* const number = value->if_double()) return *number;
  return std::nullopt;
}

inline std::optional<bool> boolean_at(boost::json::object const& object, std::string_view key) {
  auto const* const value = object.if_contains(key);
  auto const* const flag = value == nullptr ? nullptr : value->if_bool();
  return flag == nullptr ? std::nullopt : std::optional(*flag);
}

// Null when absent or of another type.
inline boost::json::object const* object_at(boost::json::object const& object,
                                            std::string_view key) {
  auto const* const value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}
inline boost::json::array const* array_at(boost::json::object const& object, std::string_view key) {
  auto const* const value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_array();
}

}  // namespace jumpseat
