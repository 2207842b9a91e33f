// SQLite, as thin as it can be: Database, Statement, Transaction. Synchronous; knows no Asio; no
// SQL outside this room and no SQLite type in its headers.
//
//   auto written = database.write([&](Database& db) -> Result<void> { …statements… });
//
// write() is BEGIN IMMEDIATE … COMMIT, rolled back when the function returns an error. The function
// is not a coroutine, so a transaction cannot span a co_await.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "protocol/secret.h"

struct sqlite3;
struct sqlite3_stmt;

namespace jumpseat {

// What opening found out; for status, doctor and one warning each.
struct DatabaseCondition {
  enum class State {
    on_disk,           // all is well
    memory_read_only,  // the directory or the file cannot be written: sign-ins will not survive
    memory_full,       // no space
    memory_newer,      // the file's schema is newer than ours: left untouched
    memory_unsafe,     // wrong owner, group- or world-accessible directory not ours, symlink
    memory_locked,     // another process holds it exclusively
    recreated,         // the file was not a database: moved aside, kept
  } state = State::on_disk;
  std::string message;  // for a person: what, which path, what to do; empty when on_disk
  bool persistent() const { return state == State::on_disk || state == State::recreated; }
};

class Database;

// A prepared statement. Parameters count from 1, columns from 0, as in SQLite. It must not outlive
// its database.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();
  // Values are copied; the copy of a Secret is wiped when the statement ends.
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view value);
  Statement& bind(int index, Secret const& value);
  // True while there is a row. Fails with storage_unavailable.
  Result<bool> step();
  Result<void> run();  // for statements without rows
  std::int64_t integer(int column) const;
  std::string text(int column) const;
  Secret secret(int column) const;

 private:
  friend class Database;
  Statement(Database const& database, sqlite3_stmt* statement)
      : database_(&database), statement_(statement) {}
  Database const* database_;
  sqlite3_stmt* statement_;
};

class Database {
 public:
  // Opens (and creates, migrates, repairs) the database at `path`; its directory is created 0700,
  // the file and its -wal and -shm are 0600 from the moment they exist. Never fails for what a
  // person may have done to the file: it then runs from memory, and condition() says so. A file
  // that may be read but not written is copied into memory first, so its sign-ins still work.
  // `path` may be ":memory:".
  static Result<std::unique_ptr<Database>> open(std::string const& path);
  ~Database();
  Database(Database const&) = delete;
  Database& operator=(Database const&) = delete;

  DatabaseCondition const& condition() const { return condition_; }
  std::string const& path() const { return path_; }
  // Fails with storage_unavailable (path and SQLite's reason; never a bound value).
  Result<Statement> prepare(std::string_view sql) const;
  Result<void> execute(std::string_view sql);
  // Waits at most 50 ms for another process's writer. Not to be nested.
  Result<void> write(std::function<Result<void>(Database&)> const& body);
  // For what must survive a power cut (sign-ins): the transaction is synchronous=FULL.
  Result<void> write_durably(std::function<Result<void>(Database&)> const& body);
  // Another number after every transaction of another connection (SQLite, "PRAGMA data_version").
  // Costs microseconds; 0 when it cannot be read.
  std::int64_t data_version() const;
  // False in memory, and where another machine may change the file: only there the kernel does not
  // tell of changes.
  bool on_local_disk() const { return local_; }
  // False when the file that is open here is no longer the one at its path: deleted, or replaced.
  // What is written then reaches nobody. Always true in memory.
  bool in_place() const;
  // Rows that the last statement inserted, changed or deleted.
  std::int64_t changes() const;
  // Leaves nothing of deleted rows behind: empties the -wal (as far as other processes' readers
  // allow) and deletes the copies that migrations made. The file's own pages are overwritten
  // anyway.
  void scrub();
  // Copies what is committed into a new file, 0600 from the moment it exists; replaces an older
  // copy of that name. For schema.cpp.
  Result<void> copy_to(std::string const& path) const;

 private:
  friend class Statement;
  struct Attempt;  // what came of one try to open the file

  Database(std::string path, sqlite3* connection);
  static Attempt attempt(std::string const& path, std::string const& real_path);
  static std::optional<DatabaseCondition> make(std::string const& path,
                                               std::string const& real_path);
  static Result<std::unique_ptr<Database>> in_memory(std::string const& path,
                                                     DatabaseCondition condition,
                                                     std::string const& readable_path);
  // Copies what is in that file into this database in memory, without changing the file.
  bool take_content_of(std::string const& real_path);
  Result<void> transaction(std::function<Result<void>(Database&)> const& body);
  Result<void> copy(sqlite3* destination, sqlite3* source) const;
  // The error for SQLite's last failure, which is remembered in failure_ too.
  Error failed(int code) const;

  sqlite3* connection_;
  std::string path_;
  DatabaseCondition condition_;
  std::string real_path_;  // of the file that is open; empty in memory
  bool local_ = false;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  // SQLite's extended code and errno of the last failure; open() judges by them.
  mutable int failure_ = 0;
  mutable int failure_errno_ = 0;
};

}  // namespace jumpseat
