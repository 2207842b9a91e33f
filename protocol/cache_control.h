// What a request's Cache-Control (RFC 9111, section 5.2.1) says to a cache of answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace jumpseat {

struct CacheControl {
  bool no_store = false;                // neither look nor keep
  bool no_cache = false;                // do not look; keep the new answer. max-age=0 says the same
  std::optional<std::int64_t> max_age;  // seconds; an older answer will not do
};

// Directives that are unknown or cannot be read are passed over, but for a max-age that cannot be
// read: that counts as no-cache.
CacheControl read_cache_control(std::string_view header);

}  // namespace jumpseat
