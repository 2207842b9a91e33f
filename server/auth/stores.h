// The database, opened when somebody first needs it: start-up does not pay for it. It is opened
// anew when its file was deleted or replaced, and tried again now and then while it cannot be used.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
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

  // A database that cannot be used is replaced by one in memory, and a warning says so once. What
  // is returned is good until the next call.
  AccountStore& accounts();
  ModelStore& models();
  AnswerStore& answers();
  DatabaseCondition const& condition();
  std::string const& path() const { return path_; }
  bool opened() const { return database_ != nullptr; }

  // Another number when something that is stored may have changed by another hand: another process
  // wrote, or the database was opened anew.
  std::uint64_t version();
  // False where changes by another hand have to be looked for: in memory (a disk may come back),
  // and on a file system that other machines share.
  bool on_local_disk() { return database().on_local_disk(); }
  // Called each time that the database has been opened.
  void on_open(std::function<void()> listener) { opened_listener_ = std::move(listener); }
  // The file of the lock that refreshes take turns by; empty when nothing is shared with other
  // processes.
  std::string lock_path();

 private:
  Database& database();
  void open();
  void take_over(Database& from, Database& to);

  std::string path_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<AccountStore> accounts_;
  std::unique_ptr<ModelStore> models_;
  std::uint64_t openings_ = 0;
  std::string last_message_;  // the condition's, so that it is said once
  std::chrono::steady_clock::time_point try_again_{};
  std::function<void()> opened_listener_;
  std::unique_ptr<AnswerStore> answers_;
};

}  // namespace jumpseat
