// The shape of the database and how older shapes become today's: numbered steps on SQLite's
// user_version, forward only, one function and one transaction each. A step that has been released
// is never changed again; the next one is added.
#pragma once

#include <cstdint>
#include <span>

#include "protocol/result.h"

namespace jumpseat {

class Database;

struct Migration {
  std::int64_t version;  // user_version afterwards: 1, 2, 3, …
  Result<void> (*apply)(Database& database);
};

// All steps of the product, oldest first.
std::span<Migration const> migrations();
inline std::int64_t schema_version() { return migrations().back().version; }

Result<std::int64_t> read_schema_version(Database const& database);

// Runs the steps that are missing, each in one transaction. A file that already has a version is
// copied to PATH.backup-v<version> first (0600). Killed in the middle, the file is whole at some
// step, and the next start goes on from there. Several processes may do this at once: each step
// happens once.
Result<void> migrate(Database& database, std::span<Migration const> steps);

// Fails when a table or a column that the stores use is missing or not as migrate() leaves it.
Result<void> check_schema(Database const& database);

}  // namespace jumpseat
