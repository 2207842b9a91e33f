// The model list as GitHub sent it, per account and integration id (the catalogue depends on both).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace jumpseat {

class Database;

struct StoredModels {
  std::string body;             // the reply's JSON
  std::string etag;             // may be empty
  std::int64_t fetched_at = 0;  // Unix seconds by our clock
};

class ModelStore {
 public:
  explicit ModelStore(Database& database) : database_(&database) {}
  Result<std::optional<StoredModels>> find(std::int64_t account,
                                           std::string_view integration_id) const;
  Result<void> save(std::int64_t account, std::string_view integration_id,
                    StoredModels const& models);
  // The list at hand was confirmed at `fetched_at`.
  Result<void> confirm(std::int64_t account, std::string_view integration_id,
                       std::int64_t fetched_at);

 private:
  Database* database_;
};

}  // namespace jumpseat
