// The inside of decode() and encode(); include protocol/json.h, which says what they do.
//
// Each direction is one function template that asks what kind of type it has, so that the list of
// kinds can be read top to bottom and a missing kind is one clear compile error.
#pragma once

#include <cassert>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11/algorithm.hpp>

#include "protocol/json.h"
#include "protocol/result.h"
#include "protocol/secret.h"

namespace jumpseat {

namespace codec {

// ---- Kinds of types ---------------------------------------------------------

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

template <class T>
inline constexpr bool is_map = false;
template <class T>
inline constexpr bool is_map<std::map<std::string, T>> = true;

template <class T, class... Others>
inline constexpr bool is_any_of = (std::is_same_v<T, Others> || ...);

// Integers in the arithmetic sense: neither bool nor a character.
template <class T>
concept Integer =
    std::integral<T> && !is_any_of<T, bool, char, wchar_t, char8_t, char16_t, char32_t>;

template <class T>
concept DescribedEnum = boost::describe::has_describe_enumerators<T>::value;

template <class T>
concept DescribedStruct = boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;

// Public data members, those of described bases first.
template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public |
                                                         boost::describe::mod_inherited>;

template <class>
inline constexpr bool always_false = false;

// ---- Errors with a path -----------------------------------------------------

// Where in the document we are: a list on the stack, written out only when something is wrong.
class Path {
 public:
  Path() = default;  // $
  Path(Path const& parent, std::string_view member) : parent_(&parent), member_(member) {}
  Path(Path const& parent, std::size_t index) : parent_(&parent), index_(index) {}

  // "$.messages[1].role"; a name that is not an identifier comes as $["content-type"].
  std::string text() const;

 private:
  Path const* parent_ = nullptr;
  std::string_view member_;
  std::optional<std::size_t> index_;
};

// "expected WHAT at PATH".
Error expected(std::string_view what, Path const& path);
// "missing PATH".
Error missing(Path const& path);

// ---- Decoding ---------------------------------------------------------------

template <class T>
Result<void> decode_into(json::value const& value, Path const& path, T& out);

template <Integer T>
Result<void> decode_integer(json::value const& value, Path const& path, T& out) {
  using Limits = std::numeric_limits<T>;
  auto const accept = [&out](auto number) {
    if (!std::in_range<T>(number)) return false;
    out = static_cast<T>(number);
    return true;
  };
  // Some clients know only one kind of number and write 1.0. A fraction is refused, and so is what
  // lies beyond the integers that a double can tell apart.
  constexpr double exact = 9007199254740992.0;
  bool whole = true;
  bool accepted = false;
  if (std::int64_t const* const i = value.if_int64()) {
    accepted = accept(*i);
  } else if (std::uint64_t const* const u = value.if_uint64()) {
    accepted = accept(*u);
  } else if (double const* const d = value.if_double()) {
    whole = std::trunc(*d) == *d;
    accepted = whole && std::fabs(*d) < exact && accept(static_cast<std::int64_t>(*d));
  } else {
    whole = false;
  }
  if (accepted) return {};
  if (!whole) return expected("integer", path);
  return expected(
      "integer from " + std::to_string(Limits::min()) + " to " + std::to_string(Limits::max()),
      path);
}

template <DescribedEnum T>
Result<void> decode_enum(json::value const& value, Path const& path, T& out) {
  json::string const* const text = value.if_string();
  bool found = false;
  std::string names;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto enumerator) {
    if (text != nullptr && *text == std::string_view(enumerator.name)) {
      out = enumerator.value;
      found = true;
    }
    if (!names.empty()) names += ", ";
    names.append(1, '"').append(enumerator.name).append(1, '"');
  });
  if (found) return {};
  return expected(text == nullptr ? std::string("string") : "one of " + names, path);
}

template <DescribedStruct T>
Result<void> decode_struct(json::value const& value, Path const& path, T& out) {
  json::object const* const object = value.if_object();
  if (object == nullptr) return expected("object", path);
  Result<void> result;
  boost::mp11::mp_for_each<Members<T>>([&](auto member) {
    if (!result) return;
    auto& target = out.*member.pointer;
    Path const here(path, member.name);
    if (json::value const* const found = object->if_contains(member.name)) {
      result = decode_into(*found, here, target);
    } else if constexpr (is_optional<std::remove_reference_t<decltype(target)>>) {
      target.reset();
    } else {
      result = missing(here);
    }
  });
  return result;
}

template <class T>
Result<void> decode_into(json::value const& value, Path const& path, T& out) {
  if constexpr (std::is_same_v<T, json::value>) {
    out = value;
  } else if constexpr (std::is_same_v<T, json::object>) {
    if (!value.is_object()) return expected("object", path);
    out = value.get_object();
  } else if constexpr (std::is_same_v<T, json::array>) {
    if (!value.is_array()) return expected("array", path);
    out = value.get_array();
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_bool()) return expected("boolean", path);
    out = value.get_bool();
  } else if constexpr (Integer<T>) {
    return decode_integer(value, path, out);
  } else if constexpr (std::is_same_v<T, double>) {
    if (!value.is_number()) return expected("number", path);
    out = value.template to_number<double>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) return expected("string", path);
    out = std::string_view(value.get_string());
  } else if constexpr (std::is_same_v<T, Secret>) {
    if (!value.is_string()) return expected("string", path);
    out = Secret(std::string(std::string_view(value.get_string())));
  } else if constexpr (is_optional<T>) {
    if (value.is_null()) {
      out.reset();
      return {};
    }
    return decode_into(value, path, out.emplace());
  } else if constexpr (is_vector<T>) {
    json::array const* const array = value.if_array();
    if (array == nullptr) return expected("array", path);
    out.clear();
    out.reserve(array->size());
    for (std::size_t i = 0; i < array->size(); ++i) {
      typename T::value_type element{};
      if (auto r = decode_into((*array)[i], Path(path, i), element); !r) return r;
      out.push_back(std::move(element));
    }
  } else if constexpr (is_map<T>) {
    json::object const* const object = value.if_object();
    if (object == nullptr) return expected("object", path);
    out.clear();
    for (json::key_value_pair const& member : *object) {
      auto& target = out[std::string(std::string_view(member.key()))];
      if (auto r = decode_into(member.value(), Path(path, member.key()), target); !r) return r;
    }
  } else if constexpr (DescribedEnum<T>) {
    return decode_enum(value, path, out);
  } else if constexpr (DescribedStruct<T>) {
    return decode_struct(value, path, out);
  } else {
    static_assert(always_false<T>, "decode() does not know this type; describe it or see json.h");
  }
  return {};
}

// ---- Encoding ---------------------------------------------------------------

// Whether encode() takes a T. `Above` are the types that contain this one, so that a struct which
// contains itself is asked once.
template <class T, class... Above>
consteval bool encodable() {
  if constexpr (is_any_of<T, Above...>) {
    return true;
  } else if constexpr (is_any_of<T, json::value, json::object, json::array, bool, double,
                                 std::string, std::string_view> ||
                       Integer<T> || DescribedEnum<T>) {
    return true;
  } else if constexpr (is_optional<T> || is_vector<T>) {
    return encodable<typename T::value_type, T, Above...>();
  } else if constexpr (is_map<T>) {
    return encodable<typename T::mapped_type, T, Above...>();
  } else if constexpr (DescribedStruct<T>) {
    bool all = true;
    boost::mp11::mp_for_each<Members<T>>([&all](auto member) {
      using Type = std::remove_cvref_t<decltype(std::declval<T>().*member.pointer)>;
      all = all && encodable<Type, T, Above...>();
    });
    return all;
  } else {
    return false;
  }
}

}  // namespace codec

template <class T>
Result<T> decode(json::value const& value) {
  T out{};
  if (auto r = codec::decode_into(value, codec::Path(), out); !r) return r.error();
  return out;
}

template <Encodable T>
json::value encode(T const& value) {
  using namespace codec;
  if constexpr (is_any_of<T, json::value, json::object, json::array, bool>) {
    return value;
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    return json::string(value);
  } else if constexpr (Integer<T>) {
    if constexpr (std::is_signed_v<T>)
      return static_cast<std::int64_t>(value);
    else
      return static_cast<std::uint64_t>(value);
  } else if constexpr (std::is_same_v<T, double>) {
    if (!std::isfinite(value)) return nullptr;
    // A whole number is written as one: 100, not 1E2.
    if (value == std::trunc(value) && std::fabs(value) < 9007199254740992.0) {
      return static_cast<std::int64_t>(value);
    }
    return value;
  } else if constexpr (is_optional<T>) {
    if (!value) return nullptr;
    return encode(*value);
  } else if constexpr (is_vector<T>) {
    json::array array;
    array.reserve(value.size());
    for (typename T::value_type const& element : value) array.push_back(encode(element));
    return array;
  } else if constexpr (is_map<T>) {
    json::object object;
    object.reserve(value.size());
    for (auto const& [name, element] : value) object.emplace(name, encode(element));
    return object;
  } else if constexpr (DescribedEnum<T>) {
    char const* const name = boost::describe::enum_to_string(value, nullptr);
    assert(name != nullptr);
    return json::string(name);
  } else {
    json::object object;
    boost::mp11::mp_for_each<Members<T>>([&](auto member) {
      auto const& field = value.*member.pointer;
      if constexpr (is_optional<std::remove_cvref_t<decltype(field)>>) {
        if (!field) return;
      }
      object.emplace(member.name, encode(field));
    });
    return object;
  }
}

}  // namespace jumpseat
