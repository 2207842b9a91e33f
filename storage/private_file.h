// Small files that hold a secret: those of other programs, which are only read, and the ones that
// we share with LiteLLM, which are written whole or not at all.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "protocol/result.h"
#include "protocol/secret.h"

namespace jumpseat {

// What is in the file; nothing when there is none. Reading never waits (a FIFO is refused), follows
// no symbolic link to the file, and stops at `most` bytes. Fails with storage_unavailable and the
// bare reason ("it is a symbolic link"): not a plain file, another user's, writable by everybody,
// too large, unreadable.
Result<std::optional<Secret>> read_private_file(std::string const& path, std::size_t most);

// Replaces the file by one with this content, 0600 from the moment it exists: a new file takes its
// place by rename, so that a reader sees the old text or the new one. The directory is made, 0700,
// when it is missing. Nothing is written when that text is there already, and nothing through a
// symbolic link. Fails with storage_unavailable and a sentence that names the path.
Result<void> write_private_file(std::string const& path, Secret const& content);

// Deletes the file; it is no failure when there is none.
Result<void> remove_private_file(std::string const& path);

}  // namespace jumpseat
