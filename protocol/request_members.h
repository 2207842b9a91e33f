// What the readers of callers' requests have in common: members found in place, each at most once,
// null taken as absent, and complaints that name the member. The texts have passed check_json().
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/result.h"
#include "protocol/scan.h"

namespace jumpseat {

// The top level of a request body.
//
//   auto given = RequestMembers::read(body, {"model", "input"}, "an OpenAI embeddings request");
//   if (!given) return given.error();
//   if (auto input = given->find("input")) …
class RequestMembers {
 public:
  // Looks for `names`, which outlive this. Fails with invalid_request: not an object ("Send
  // `wanted`."); one of the names given twice; a member that chooses_destination().
  static Result<RequestMembers> read(std::string_view body,
                                     std::initializer_list<std::string_view> names,
                                     std::string_view wanted);

  // The value's own bytes; nothing when the member is absent or null.
  std::optional<std::string_view> find(std::string_view name) const;

  // The same, of the type that is wanted; nothing when absent. Fails with invalid_request.
  Result<std::optional<std::string>> text(std::string_view name) const;
  Result<std::optional<bool>> boolean(std::string_view name) const;
  Result<std::optional<std::int64_t>> whole_number(std::string_view name) const;

 private:
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> found_;
};

std::string unescaped_key(Member const& member);
// Whether a value is the string `text`.
bool is_text(std::string_view value, std::string_view text);
// A whole number, however it is written (100, 1e2, 100.0); one that no int64 holds becomes the
// nearest that does.
std::optional<std::int64_t> whole_number(std::string_view value);
std::optional<bool> boolean(std::string_view value);
// A member with which a caller would choose where our credentials go (quality row S7): api_base,
// base_url, api_key, api_version, extra_headers, custom_llm_provider, in any letter case, with or
// without the underscores.
bool chooses_destination(std::string_view key);
// "The request's `member` what".
Error refuse(std::string_view member, std::string_view what);
// For a member that chooses_destination().
Error refuse_destination(std::string_view member);

}  // namespace jumpseat
