#include "server/http/client_key.h"

#include <nettle/memops.h>
#include <nettle/sha2.h>

namespace jumpseat {

ClientKey::Digest ClientKey::digest_of(std::string_view text) {
  sha256_ctx context;
  sha256_init(&context);
  sha256_update(&context, text.size(), reinterpret_cast<std::uint8_t const*>(text.data()));
  Digest digest;
  sha256_digest(&context, digest.size(), digest.data());
  return digest;
}

ClientKey::ClientKey(Secret const& key) {
  if (!key.empty()) digest_ = digest_of(key.reveal());
}

bool ClientKey::matches(std::string_view shown) const {
  if (!digest_) return false;
  auto const digest = digest_of(shown);
  return memeql_sec(digest.data(), digest_->data(), digest.size()) != 0;
}

bool ClientKey::same_as(ClientKey const& other) const {
  if (!digest_ || !other.digest_) return digest_.has_value() == other.digest_.has_value();
  return memeql_sec(digest_->data(), other.digest_->data(), digest_->size()) != 0;
}

}  // namespace jumpseat
