// decode() and encode(): any JSON either decodes into our structs, and then encodes to something
// that decodes to the same, or is refused with one line that names a place in the document.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json.h"
#include "protocol/scan.h"

namespace jumpseat {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

enum class Level { low, high };
BOOST_DESCRIBE_ENUM(Level, low, high)

struct Base {
  bool flag = false;
  std::optional<double> real;
};
BOOST_DESCRIBE_STRUCT(Base, (), (flag, real))

// One member of each kind, all optional, so that the fuzzer gets far with little.
struct Everything : Base {
  std::optional<std::int8_t> tiny;
  std::optional<std::uint64_t> large;
  std::optional<std::string> text;
  std::optional<Level> level;
  std::optional<std::vector<Everything>> nested;
  std::optional<std::map<std::string, std::vector<bool>>> map;
  std::optional<json::value> any;
  std::optional<json::object> object;
};
BOOST_DESCRIBE_STRUCT(Everything, (Base), (tiny, large, text, level, nested, map, any, object))

struct SignIn {
  std::string user;
  Secret token;
};
BOOST_DESCRIBE_STRUCT(SignIn, (), (user, token))

void require_refusal(Error const& error) {
  require(error.code() == ErrorCode::invalid_request);
  std::string const& message = error.message();
  require(message.starts_with("expected ") || message.starts_with("missing "));
  require(message.find(" $") != std::string::npos);
  require(message.find('\n') == std::string::npos);
  require(!check_json(quote(message)));
}

}  // namespace
}  // namespace jumpseat

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace jumpseat;
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  auto const value = parse_json(text);
  if (!value) {
    require(value.error().code() == ErrorCode::parse_error);
    return 0;
  }

  if (auto const sign_in = decode<SignIn>(*value)) {
    require(find_member(text, "token").has_value());
  } else {
    require_refusal(sign_in.error());
  }

  auto const everything = decode<Everything>(*value);
  if (!everything) {
    require_refusal(everything.error());
    return 0;
  }
  json::value const encoded = encode(*everything);
  auto const again = decode<Everything>(encoded);
  require(again.has_value() && encode(*again) == encoded);
  return 0;
}
