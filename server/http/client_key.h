// The key that clients of the port must show, if one is set (JUMPSEAT_API_KEY). Only its SHA-256
// digest is kept here, and digests are compared in constant time (quality row S19): neither the
// key's bytes nor its length can be learnt from how long a refusal takes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/secret.h"

namespace jumpseat {

class ClientKey {
 public:
  ClientKey() = default;
  // An empty secret means that none is wanted.
  explicit ClientKey(Secret const& key);

  bool required() const { return digest_.has_value(); }
  // False as well when no key is set.
  bool matches(std::string_view shown) const;
  // The same key, without either of them being known.
  bool same_as(ClientKey const& other) const;

 private:
  using Digest = std::array<std::uint8_t, 32>;
  static Digest digest_of(std::string_view text);
  std::optional<Digest> digest_;
};

}  // namespace jumpseat
