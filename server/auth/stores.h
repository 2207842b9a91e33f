// The database, opened when somebody first needs it: start-up does not pay for it.
#pragma once

#include <memory>
#include <string>

#include "storage/accounts.h"
#include "storage/answers.h"
#include "storage/database.h"
#include "storage/models.h"

namespace jumpseat {

class Stores {
 public:
  explicit Stores(std::string database_path) : path_(std::move(database_path)) {}

  // A database that cannot be used is replaced by one in memory, and a warning says so once.
  AccountStore& accounts();
  ModelStore& models();
  AnswerStore& answers();
  DatabaseCondition const& condition();
  std::string const& path() const { return path_; }
  bool opened() const { return database_ != nullptr; }

 private:
  Database& database();
  std::string path_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<AccountStore> accounts_;
  std::unique_ptr<ModelStore> models_;
  std::unique_ptr<AnswerStore> answers_;
};

}  // namespace jumpseat
