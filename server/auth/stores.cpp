#include "server/auth/stores.h"

#include <stdexcept>

#include "server/base/log.h"

namespace jumpseat {

Database& Stores::database() {
  if (database_) return *database_;
  auto opened = Database::open(path_);
  if (!opened) {
    log::failure("storage", opened.error());
    opened = Database::open(":memory:");
  }
  // SQLite without memory for an empty database: nothing sensible is left to do.
  if (!opened) throw std::runtime_error(opened.error().message());
  database_ = std::move(*opened);
  if (auto const& message = database_->condition().message; !message.empty()) {
    log::warning("storage", message);
  }
  accounts_ = std::make_unique<AccountStore>(*database_);
  models_ = std::make_unique<ModelStore>(*database_);
  answers_ = std::make_unique<AnswerStore>(*database_);
  return *database_;
}

AccountStore& Stores::accounts() {
  database();
  return *accounts_;
}

ModelStore& Stores::models() {
  database();
  return *models_;
}

AnswerStore& Stores::answers() {
  database();
  return *answers_;
}

DatabaseCondition const& Stores::condition() { return database().condition(); }

}  // namespace jumpseat
