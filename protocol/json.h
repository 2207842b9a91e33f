// Between JSON and our structs. A struct that is described with BOOST_DESCRIBE_STRUCT decodes and
// encodes itself, member by member, under the wire's own names:
//
//   struct EditorInfo {
//     std::string name;
//     std::optional<std::string> version;
//   };
//   BOOST_DESCRIBE_STRUCT(EditorInfo, (), (name, version))
//
//   auto info = decode<EditorInfo>(value);   // Result: "expected string at $.name"
//   json::value reply = encode(*info);
//
// | C++                                         | JSON                                           |
// |---------------------------------------------|------------------------------------------------|
// | bool, double, std::string                   | true/false, number, string                     |
// | integers                                    | number without a fraction, range checked       |
// | Secret                                      | string; decodes, does not encode               |
// | std::optional                               | absent or null when empty; not written         |
// | std::vector, std::map<std::string, T>       | array, object                                  |
// | described struct, with its described bases  | object; unknown members are ignored            |
// | described enum                              | string: the enumerator's name                  |
// | json::value, json::object, json::array      | passed through                                 |
//
// Boost.JSON's own conversion demands exactly the listed members and cannot be used for LSP or
// OpenAI payloads. There are no defaults here: a member that may be absent is a std::optional.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include "protocol/result.h"

namespace jumpseat {

namespace json = boost::json;

// Nesting beyond this is refused everywhere (quality row C6).
inline constexpr std::size_t max_json_depth = 128;

// Parses one JSON text (RFC 8259). Accepts what check_json() accepts, with two differences that a
// tree forces: a lone surrogate escape (\uD800) becomes U+FFFD, and a number beyond the range of a
// double is refused. Fails with parse_error, which says what and at which byte. When a name occurs
// twice in one object the last one counts. The value lives in `memory`.
Result<json::value> parse_json(std::string_view text, json::storage_ptr memory = {});

// The JSON text of a value, with numbers as people write them: 0 and 288.3 where Boost.JSON writes
// 0E0 and 2.883E2. For answers that people look at too; what goes to programs alone need not pay.
std::string json_text(json::value const& value);

// Fails with invalid_request and the path of what is wrong: "expected string at $.messages[1].role"
// or "missing $.messages[1].role".
template <class T>
Result<T> decode(json::value const& value);

// Types that encode() takes: those of the table, with no Secret anywhere inside.
namespace codec {
template <class T, class... Above>
consteval bool encodable();
}  // namespace codec
template <class T>
concept Encodable = codec::encodable<T>();

// Never fails; a number that JSON cannot write (infinity, not a number) becomes null.
template <Encodable T>
json::value encode(T const& value);

}  // namespace jumpseat

#include "protocol/json_codec.h"  // IWYU pragma: export
