// What nearly every event of an answer is: one choice with a piece of text, or with its end, and
// nothing that anybody would have to mend. It is told by one look at each member; all else is for
// ChatStreamRepair's long way.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <boost/container/small_vector.hpp>

#include "protocol/json_text.h"

namespace jumpseat {

// An event's values as they stand in it (OpenAI API reference, "The chat completion chunk object");
// empty: absent. Those that say nothing new for a whole answer are left out: `object`, a delta's
// role, what is null.
struct PlainChunk {
  using Others = boost::container::small_vector<JsonNode const*, 4>;

  std::string_view id;             // a string, not ""
  std::string_view model;          // a string
  std::int64_t created = 0;        // Unix seconds
  std::string_view usage;          // an object
  std::int64_t choice = 0;         // the index of the one choice
  std::string_view finish_reason;  // a string, neither "" nor "error"
  std::string_view content;        // a string
  Others others;                   // further members of the chunk,
  Others choice_others;            // of its choice,
  Others delta_others;             // and of its delta
};

// Nothing when `event` is not plain: without a head, with several choices, tool calls, errors, an
// agent's notes, values of other types. The views are into its text.
std::optional<PlainChunk> plain_chunk(JsonNode const& event);

}  // namespace jumpseat
