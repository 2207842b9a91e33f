// The last line of defence of every text that leaves the process for a log or a terminal: what
// looks like a credential, and every live secret that was registered, becomes "<kind:redacted>".
// The output never holds eight bytes in a row of a secret (quality row S14).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/secret.h"

namespace jumpseat {

class Redactor {
 public:
  // Registers a live secret. From then on any eight bytes in a row of it are masked as
  // "<kind:redacted>", in a whole or a cut off copy, written plainly, JSON-escaped, percent-encoded
  // or in base64 at any alignment. Shorter than 8 bytes: ignored, it would mask ordinary words. The
  // eight newest secrets of a kind are kept. No copy of the secret is: only hashes of its pieces.
  void add(Secret const& secret, std::string_view kind);
  // Masks registered secrets and patterns: gh[opusr]_…, github_pat_…, tid=…;… Copilot tokens, JWTs,
  // values after Bearer/Basic/token in an Authorization, Cookie values, device codes (40 hex after
  // device_code), "access_token"/"refresh_token"/"client_secret"/"api_key" values in JSON and
  // forms, sk-… keys, passwords in URLs. Linear in the text.
  std::string redact(std::string_view text) const;

 private:
  // Where a secret's pieces are found by hash: open addressing, a power of two long, at most half
  // full.
  using Table = std::vector<std::uint64_t>;
  struct Known {
    std::string label;                  // "<kind:redacted>"
    std::uint64_t fingerprint;          // of the whole secret, to register it once
    std::vector<std::uint64_t> pieces;  // what it has in the table
  };
  void rebuild();

  std::vector<Known> known_;  // oldest first
  Table table_;
};

}  // namespace jumpseat
