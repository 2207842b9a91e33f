// The scanner against Boost.JSON: both judge alike (but for lone surrogates, which only we let
// pass), both see the same members, elements and strings, and an edited text means what was asked.

#include "protocol/scan.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "protocol/json.h"
#include "protocol/scan_blocks.h"

namespace jumpseat {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool has_surrogate_escape(std::string_view text) {
  for (std::string_view const start : {"\\ud", "\\uD"}) {
    if (text.find(start) != std::string_view::npos) return true;
  }
  return false;
}

json::value parse(std::string_view text, std::size_t max_depth, boost::system::error_code& ec) {
  json::parse_options options;
  options.max_depth = max_depth;
  return json::parse(text, ec, {}, options);
}

// The tree of a text that has been judged. A number that no double can hold ends the comparison: it
// is grammar to us and an error to the tree.
std::optional<json::value> tree(std::string_view text) {
  auto value = parse_json(text);
  if (!value) return std::nullopt;
  return *std::move(value);
}

// Equal, but for the last bits of doubles: Boost.JSON 1.81 rounds a number differently when it
// stands near the end of its text.
bool same(json::value const& a, json::value const& b) {
  if (double const* const number = a.if_double()) {
    double const* const other = b.if_double();
    return other != nullptr && std::fabs(*number - *other) <= 1e-12 * std::fabs(*number) + 1e-300;
  }
  if (json::array const* const array = a.if_array()) {
    json::array const* const other = b.if_array();
    return other != nullptr && std::ranges::equal(*array, *other, same);
  }
  if (json::object const* const object = a.if_object()) {
    json::object const* const other = b.if_object();
    return other != nullptr && object->size() == other->size() &&
           std::ranges::all_of(*object, [other](json::key_value_pair const& member) {
             json::value const* const found = other->if_contains(member.key());
             return found != nullptr && same(member.value(), *found);
           });
  }
  return a == b;
}

bool reads_as(std::string_view text, json::value const& value) {
  auto const read = tree(text);
  return !read || same(*read, value);
}

void compare(std::string_view text, json::value const& value) {
  if (json::object const* const object = value.if_object()) {
    json::object seen;
    for (Member const& member : members(text)) {
      require(!check_json(member.whole.substr(0, member.key.size() + 2)));
      require(!check_json(member.value, max_json_depth));
      std::string const key = unescape(member.whole.substr(0, member.key.size() + 2));
      require(member.is(key));
      auto part = tree(member.value);
      if (!part) return;
      seen.insert_or_assign(key, std::move(*part));
    }
    require(same(seen, *object));
    for (json::key_value_pair const& pair : *object) {
      auto const found = find_member(text, pair.key());
      require(found && reads_as(*found, pair.value()));
    }
  } else if (json::array const* const array = value.if_array()) {
    std::size_t i = 0;
    for (std::string_view const element : elements(text)) {
      require(i < array->size() && reads_as(element, (*array)[i]));
      ++i;
    }
    require(i == array->size());
  } else if (json::string const* const string = value.if_string()) {
    std::size_t const from = text.find('"');
    std::string_view const inner = text.substr(from, text.rfind('"') + 1 - from);
    require(unescape(inner) == std::string_view(*string));
  }
}

// The walk passes what members() and elements() give, however deep it enters, and ends where the
// text ends.
void walk_all(JsonWalk& walk, std::string_view value) {
  if (is_object(value)) {
    auto expected = members(value).begin();
    walk.enter();
    for (Member member; walk.next_member(member); ++expected) {
      require(expected != std::default_sentinel);
      walk_all(walk, expected->value);
      walk.complete(member);
      require(member.key.data() == expected->key.data() && member.key == expected->key);
      require(member.value.data() == expected->value.data() && member.value == expected->value);
      require(member.whole.data() == expected->whole.data() && member.whole == expected->whole);
      Member const found = MemberPlace(value, member).in(value);
      require(found.key == member.key && found.value == member.value &&
              found.whole == member.whole);
    }
    require(expected == std::default_sentinel);
  } else if (is_array(value)) {
    auto expected = elements(value).begin();
    walk.enter();
    for (; walk.next_element(); ++expected) {
      require(expected != std::default_sentinel);
      walk_all(walk, *expected);
    }
    require(expected == std::default_sentinel);
  } else {
    std::string_view const passed = walk.pass();
    require(passed.data() == value.data() && passed == value);
  }
}

void walk_whole(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  text.remove_prefix(text.find_first_not_of(space));
  text = text.substr(0, text.find_last_not_of(space) + 1);
  JsonWalk walk(text);
  walk_all(walk, text);
  require(walk.kind() == '\0');
}

// Removes, replaces and adds members chosen by `seed`; compares with the same done to the tree.
void edit(std::string_view text, json::object object, std::size_t seed) {
  std::string own;
  own.reserve(text.size() + (seed >> 40 & 63));
  own = text;
  Splice splice(own);
  require(splice.unchanged() && splice.text() == text);
  std::vector<std::string> names;
  for (json::key_value_pair const& pair : object) names.emplace_back(pair.key());
  for (std::string const& name : names) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    switch (seed >> 60 & 3) {
      case 0:
        splice.remove(name);
        object.erase(name);
        break;
      case 1:
        splice.set(name, "[1,{}]");
        object[name] = json::parse("[1,{}]");
        break;
      default:
        break;
    }
  }
  if ((seed >> 50 & 1) != 0) {
    splice.set("added\n", "true");
    object["added\n"] = true;
  }
  std::string const out = splice.text();
  std::move(splice).apply(own);
  require(own == out);
  require(!check_json(out));
  require(reads_as(out, object));
}

// The bytes as what follows a string's opening quote: wide and narrow blocks say the same, and so
// does check_json(), of which they are a part.
void blocks_agree(std::string_view bytes) {
  char const* const begin = bytes.data();
  char const* const end = begin + bytes.size();
  char const* const good = scan::end_of_good_string<scan::WordBlock>(begin, end);
  require(scan::end_of_good_string<scan::Block>(begin, end) == good);
  char const* const skipped = scan::skip_string<scan::WordBlock>(begin, end);
  require(scan::skip_string<scan::Block>(begin, end) == skipped);
  require(good == nullptr || good == skipped);
  std::string text = "\"";
  text.append(begin, skipped);
  bool const ends = skipped != begin && skipped[-1] == '"';
  require((good != nullptr) == (ends && !check_json(text)));
}

// Any bytes at all.
void round_trip(std::string_view bytes) {
  std::string const quoted = quote(bytes);
  require(!check_json(quoted));
  std::string const text = unescape(quoted);
  require(quote(text) == quoted);
  // Well-formed bytes come back as they were; what is well-formed is for Boost.JSON to say.
  if (std::ranges::all_of(bytes, [](char c) { return c >= 0x20 && c != '"' && c != '\\'; })) {
    require(text == bytes);
  }
  boost::system::error_code ec;
  require(parse(quoted, 1, ec) == json::value(json::string(text)) && !ec);
}

}  // namespace
}  // namespace jumpseat

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace jumpseat;
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  round_trip(text);
  blocks_agree(text);

  for (std::size_t const depth : {std::size_t{3}, max_json_depth}) {
    auto const problem = check_json(text, depth);
    if (problem) require(problem->offset <= size && !problem->why.empty());
    boost::system::error_code ec;
    parse(text, depth, ec);
    if (!ec) require(!problem);
    // What Boost.JSON alone refuses has to be a surrogate or an exponent.
    bool const excused = ec == json::error::exponent_overflow || has_surrogate_escape(text);
    if (ec && !excused) require(problem.has_value());
  }

  if (check_json(text, max_json_depth)) {
    // Never judged good, so only the walls are tested.
    for (Member const& member : members(text)) require(member.whole.size() <= size);
    for (std::string_view const element : elements(text)) require(element.size() <= size);
    JsonWalk walk(text);
    if (walk.kind() == '{') {
      walk.enter();
      for (Member member; walk.next_member(member); walk.complete(member)) walk.pass();
    }
    return 0;
  }
  auto const value = tree(text);
  if (!value) return 0;
  compare(text, *value);
  walk_whole(text);
  if (value->is_object()) {
    std::size_t seed = size;
    for (char const c : text) seed = seed * 31 + static_cast<unsigned char>(c);
    edit(text, value->get_object(), seed);
  }
  return 0;
}
