// Opening is the long part: a database lies in a person's home, where disks fill up, files are
// copied about, opened with other tools and left behind by other versions. The order is
//
//   1. look at the directory and the files without opening any of them (place_of); make it if it
//      is not there (make)
//   2. open, check, migrate (attempt)
//   3. damaged: move the files aside and go to 2, once (set_aside)
//   4. anything else that a person has to mend: work from memory and say so (in_memory)
//
// Files of an existing database are looked at with lstat() only. Opening and closing one would drop
// the locks that SQLite holds on it in this process (POSIX record locks belong to the process).
#include "storage/database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "storage/process_lock.h"
#include "storage/schema.h"

namespace jumpseat {
namespace {

using State = DatabaseCondition::State;

// How long one statement waits for another process's writer: below a quarter of a second in all on
// any path. Longer where a process that started at the same moment may be creating the tables.
constexpr int busy_milliseconds = 50;
constexpr int busy_milliseconds_migrating = 150;
// How long the processes that make the database wait for each other: on a machine with much else
// to do one of them may need a second.
constexpr int turn_milliseconds = 3000;
constexpr int turn_pause_milliseconds = 10;
// "JmpS": says whose file this is (SQLite, "PRAGMA application_id").
constexpr std::int64_t application_id = 0x4a6d7053;

constexpr std::string_view in_memory_path = ":memory:";
constexpr std::array<std::string_view, 3> companions = {"-wal", "-shm", "-journal"};

std::string kilobytes(std::uint64_t bytes) { return std::to_string((bytes + 1023) / 1024) + " KB"; }

// "the file has 24 KB, 0 KB are free there"
std::string size_and_space(std::string const& path) {
  struct stat file{};
  struct statvfs disk{};
  std::string const directory = path.substr(0, path.rfind('/'));
  std::string text = "the file has ";
  text += lstat(path.c_str(), &file) == 0 ? kilobytes(static_cast<std::uint64_t>(file.st_size))
                                          : "0 KB";
  if (statvfs(directory.c_str(), &disk) == 0)
    text += ", " + kilobytes(std::uint64_t{disk.f_bavail} * disk.f_frsize) + " are free there";
  return text;
}

// ---- SQLite, set up for a small process ----

// A file that is certain not to change while it is read (SQLite, "URI filenames").
std::string immutable_uri(std::string const& path) {
  std::string uri = "file:";
  for (char const c : path) {
    if (c == '?' || c == '#' || c == '%') {
      constexpr std::string_view digits = "0123456789abcdef";
      uri += '%';
      uri += digits[static_cast<unsigned char>(c) >> 4];
      uri += digits[static_cast<unsigned char>(c) & 15];
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

// Once, before the first connection. SQLite refuses when it already runs; then its defaults stay.
void configure_library() {
  static int const done = [] {
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);  // one thread is ours, no mutex is needed
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    return sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
  }();
  static_cast<void>(done);
}

constexpr int common_flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;

int run_sql(sqlite3* connection, char const* sql) {
  return sqlite3_exec(connection, sql, nullptr, nullptr, nullptr);
}

// None of these touches the file.
int configure(sqlite3* connection) {
  sqlite3_busy_timeout(connection, busy_milliseconds);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return run_sql(connection,
                 "PRAGMA foreign_keys = ON;"
                 "PRAGMA secure_delete = ON;"
                 "PRAGMA trusted_schema = OFF;"
                 "PRAGMA cell_size_check = ON;"
                 "PRAGMA temp_store = MEMORY;"
                 "PRAGMA mmap_size = 0;"
                 "PRAGMA cache_size = -128;"  // KiB
                 "PRAGMA synchronous = NORMAL;");
}

// The first column of the first row, or nothing.
std::optional<std::string> first_value(Database const& database, std::string_view sql) {
  auto statement = database.prepare(sql);
  if (!statement) return {};
  auto row = statement->step();
  if (!row || !*row) return {};
  return statement->text(0);
}

// A copy of a bound value, with its size in front so that it can be wiped.
void wipe_and_free(void* bytes) {
  auto* const start = static_cast<char*>(bytes) - sizeof(std::size_t);
  std::size_t size = 0;
  std::memcpy(&size, start, sizeof size);
  explicit_bzero(bytes, size);
  std::free(start);
}

char* wipeable_copy(std::string_view text) {
  auto* const start = static_cast<char*>(std::malloc(sizeof(std::size_t) + text.size() + 1));
  if (start == nullptr) throw std::bad_alloc();
  std::size_t const size = text.size();
  std::memcpy(start, &size, sizeof size);
  char* const bytes = start + sizeof size;
  std::memcpy(bytes, text.data(), size);
  bytes[size] = '\0';
  return bytes;
}

// ---- Looking at the files ----

// What a look at the path found, before anything is opened.
struct Place {
  std::string real_path;  // the directory's links resolved; the file itself is never a link
  bool exists = false;
  bool empty = true;  // not there, or nothing in it
  dev_t device = 0;   // of the file, to recognise it again
  ino_t inode = 0;
  std::optional<DatabaseCondition> problem;
  bool readable = false;  // with a problem: what is in the file may still be used
};

DatabaseCondition because(State state, std::string message) { return {state, std::move(message)}; }

constexpr std::string_view memory_only =
    " Until then sign-ins are kept in memory only and will not survive a restart.";

DatabaseCondition unsafe(std::string const& what, std::string const& fix) {
  return because(State::memory_unsafe,
                 what + " Secrets are not written there. " + fix + std::string(memory_only));
}

DatabaseCondition cannot_create(std::string const& path, int error) {
  if (error == ENOSPC || error == EDQUOT) {
    return because(State::memory_full, "There is no space for the database " + path + " (" +
                                           size_and_space(path) + "). Make space and restart." +
                                           std::string(memory_only));
  }
  return because(State::memory_read_only,
                 "The database " + path + " cannot be created: " + std::strerror(error) + "." +
                     " Make its directory writable and restart." + std::string(memory_only));
}

DatabaseCondition damaged_at_once(std::string const& path) {
  return because(State::memory_read_only,
                 "The database " + path +
                     " cannot be used: a new one was damaged at once. Check the disk." +
                     std::string(memory_only));
}

DatabaseCondition busy(std::string const& path, std::string_view what) {
  return because(State::memory_locked, "The database " + path + " is being " + std::string(what) +
                                           " by another process. Restart to use it." +
                                           std::string(memory_only));
}

// mkdir -p, each new directory 0700. 0 or errno.
int make_directories(std::string const& directory) {
  struct stat there{};
  if (stat(directory.c_str(), &there) == 0 && S_ISDIR(there.st_mode)) return 0;
  for (std::size_t end = directory.find('/', 1);; end = directory.find('/', end + 1)) {
    std::string const part = directory.substr(0, end);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      // On the way down any answer may come for a directory that is there already.
      struct stat found{};
      int const error = errno;
      if (stat(part.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) return error;
    }
    if (end == std::string::npos) return 0;
  }
}

// Why this file of ours is not to be trusted with secrets; nothing when it is.
std::optional<DatabaseCondition> file_problem(std::string const& path, struct stat const& file) {
  if (S_ISLNK(file.st_mode))
    return unsafe("The database " + path + " is a symbolic link.",
                  "Replace it by the file itself.");
  if (!S_ISREG(file.st_mode))
    return unsafe("The database " + path + " is not a plain file.", "Move it away.");
  if (file.st_uid != geteuid()) {
    return unsafe(
        "The database " + path + " belongs to another user (uid " + std::to_string(file.st_uid) +
            ").",
        "Move it away, or repair it with `chown " + std::to_string(geteuid()) + " " + path + "`.");
  }
  if (file.st_nlink > 1) {  // 0: SQLite has just deleted it
    return unsafe("The database " + path + " has a second name elsewhere (a hard link).",
                  "Copy it, delete it and put the copy in its place.");
  }
  if ((file.st_mode & 077) != 0) {
    return unsafe("The database " + path + " can be read by other users of this machine.",
                  "Repair it with `chmod 600 " + path + "`.");
  }
  return {};
}

Place place_of(std::string const& path) {
  Place place;
  std::size_t const slash = path.rfind('/');
  std::string const directory = slash == std::string::npos ? "."
                                : slash == 0               ? "/"
                                                           : path.substr(0, slash);
  std::string const name = path.substr(slash + 1);  // npos + 1 is 0

  if (int const error = make_directories(directory); error != 0) {
    place.problem = cannot_create(path, error);
    return place;
  }
  char* const resolved = realpath(directory.c_str(), nullptr);
  struct stat found{};
  if (resolved == nullptr || stat(resolved, &found) != 0) {
    place.problem = cannot_create(path, errno);
    std::free(resolved);
    return place;
  }
  place.real_path = std::string(resolved) + (std::strcmp(resolved, "/") == 0 ? "" : "/") + name;
  std::free(resolved);
  if (found.st_uid != geteuid()) {
    place.problem = unsafe("The directory " + directory + " belongs to another user (uid " +
                               std::to_string(found.st_uid) + ").",
                           "Use a directory of your own.");
    return place;
  }
  if ((found.st_mode & 022) != 0) {
    place.problem = unsafe("Other users may write to the directory " + directory + ".",
                           "Repair it with `chmod 700 " + directory + "`.");
    return place;
  }

  for (std::string_view const suffix :
       {std::string_view(), companions[0], companions[1], companions[2]}) {
    std::string const each = place.real_path + std::string(suffix);
    struct stat file{};
    if (lstat(each.c_str(), &file) != 0) continue;
    if (suffix.empty()) {
      place.exists = true;
      place.empty = file.st_size == 0;
      place.device = file.st_dev;
      place.inode = file.st_ino;
      // What others could only read is still what we wrote.
      place.readable = S_ISREG(file.st_mode) && file.st_uid == geteuid() && file.st_nlink <= 1 &&
                       (file.st_mode & 022) == 0;
    }
    place.problem = file_problem(path + std::string(suffix), file);
    if (place.problem) {
      if (!suffix.empty()) place.readable = false;
      return place;
    }
  }
  return place;
}

// Whether the file is still the one that was looked at.
bool is_in_place(Place const& place) {
  struct stat now{};
  return lstat(place.real_path.c_str(), &now) == 0 && now.st_dev == place.device &&
         now.st_ino == place.inode;
}

// Creates the file before SQLite can: SQLite would make it 0644. 0 or errno.
int create_file(std::string const& path) {
  int const file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  // The umask may have taken bits away.
  struct stat made{};
  int error = fstat(file, &made) == 0 ? 0 : errno;
  if (error == 0 && (made.st_mode & 0777) != 0600 && fchmod(file, 0600) != 0) error = errno;
  if (close(file) != 0 && error == 0) error = errno;
  return error;
}

// The database is made, and a damaged one moved away, by one process at a time; others that start
// at the same moment wait for it. Nothing: its turn takes longer than anybody waits. An error: no
// lock can be made here, and then no database either.
Result<std::optional<ProcessLock>> take_turn(std::string const& real_path) {
  for (int waited = 0;; waited += turn_pause_milliseconds) {
    auto lock = ProcessLock::try_lock(real_path + ".opening");
    if (!lock || *lock || waited >= turn_milliseconds) return lock;
    sqlite3_sleep(turn_pause_milliseconds);
  }
}

// The database and what SQLite keeps beside it.
void remove_all(std::string const& path) {
  unlink(path.c_str());
  for (std::string_view const suffix : companions) unlink((path + std::string(suffix)).c_str());
}

// Makes a new or a renamed file's name survive a power cut. Best effort.
void sync_directory_of(std::string const& path) {
  std::string const directory = path.substr(0, path.rfind('/') + 1);
  int const descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

// WAL needs memory that all processes share, which network and user-space file systems do not give
// (SQLite, "Write-Ahead Logging", "disadvantages"). Numbers: statfs(2).
bool wal_is_safe(std::string const& path) {
  struct statfs disk{};
  if (statfs(path.c_str(), &disk) != 0) return true;
  constexpr std::array<std::uint32_t, 11> remote = {
      0x6969,      // NFS
      0x517b,      // SMB
      0xfe534d42,  // SMB2
      0xff534d42,  // CIFS
      0x01021997,  // 9P: also how WSL shows Windows' disks
      0x65735546,  // FUSE: sshfs and synchronised folders
      0x5346414f,  // AFS
      0x73757245,  // Coda
      0x00c36400,  // Ceph
      0x0bd00bd0,  // Lustre
      0x7461636f,  // OCFS2
  };
  for (std::uint32_t const type : remote)
    if (static_cast<std::uint32_t>(disk.f_type) == type) return false;
  return true;
}

// A file beside the database: somebody found damage in it. The next start looks at every page.
std::string suspicion_of(std::string const& path) { return path + ".suspect"; }

// Whether every page has to be looked at before the database is used.
bool is_suspect(std::string const& path) {
  struct stat found{};
  // Left over by a process that was killed, or in use by one that runs.
  if (lstat((path + "-wal").c_str(), &found) == 0 && found.st_size > 0) return true;
  if (lstat(suspicion_of(path).c_str(), &found) == 0) return true;
  // A small file is looked at each time; it takes less than a millisecond.
  return lstat(path.c_str(), &found) == 0 && found.st_size > 0 && found.st_size <= 1 << 20;
}

// Moves a damaged database out of the way; nothing is deleted. The name of the copy, or nothing and
// errno.
std::optional<std::string> set_aside(std::string const& path) {
  std::time_t const now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> stamp{};
  std::strftime(stamp.data(), stamp.size(), "%Y%m%dT%H%M%SZ", &parts);
  std::string copy;
  for (int number = 1;; ++number) {
    copy = path + ".corrupt-" + stamp.data() + (number == 1 ? "" : "-" + std::to_string(number));
    struct stat taken{};
    if (lstat(copy.c_str(), &taken) != 0) break;
  }
  // The file itself last: a new database must never meet an old -wal, SQLite would play it back.
  for (std::string_view const suffix : companions) {
    std::string const each = path + std::string(suffix);
    if (rename(each.c_str(), (copy + std::string(suffix)).c_str()) != 0 && errno != ENOENT)
      return {};
  }
  if (rename(path.c_str(), copy.c_str()) != 0) return {};
  unlink(suspicion_of(path).c_str());
  sync_directory_of(path);
  return copy;
}

// What a failure while opening means. SQLite's own codes, with errno where the code is vague.
enum class Verdict { damaged, locked, full, read_only };

Verdict judge(int code, int error) {
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) return Verdict::full;
  if (code == SQLITE_IOERR_SHMSIZE) return Verdict::full;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Verdict::full;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return Verdict::locked;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_IOERR:
      return Verdict::read_only;
    default:  // SQLITE_CORRUPT, SQLITE_NOTADB, and what only a damaged schema can cause
      return Verdict::damaged;
  }
}

}  // namespace

// ---- Statement ----

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int index, std::int64_t value) {
  int const code = sqlite3_bind_int64(statement_, index, value);
  assert(code == SQLITE_OK);
  static_cast<void>(code);
  return *this;
}

Statement& Statement::bind(int index, std::string_view value) {
  // A view without data would be bound as NULL.
  int const code = sqlite3_bind_text64(statement_, index, value.empty() ? "" : value.data(),
                                       value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  assert(code == SQLITE_OK || code == SQLITE_TOOBIG || code == SQLITE_NOMEM);
  static_cast<void>(code);
  return *this;
}

Statement& Statement::bind(int index, Secret const& value) {
  int const code = sqlite3_bind_text64(statement_, index, wipeable_copy(value.reveal()),
                                       value.size(), wipe_and_free, SQLITE_UTF8);
  assert(code == SQLITE_OK || code == SQLITE_TOOBIG || code == SQLITE_NOMEM);
  static_cast<void>(code);
  return *this;
}

Result<bool> Statement::step() {
  int const code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = database_->failed(code);
  sqlite3_reset(statement_);
  return error;
}

Result<void> Statement::run() {
  while (true) {
    auto row = step();
    if (!row) return row.error();
    if (!*row) return {};
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
  auto const* const bytes = sqlite3_column_text(statement_, column);
  if (bytes == nullptr) return {};
  return std::string(reinterpret_cast<char const*>(bytes),
                     static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

Secret Statement::secret(int column) const { return Secret(text(column)); }

// ---- Opening ----

struct Database::Attempt {
  std::unique_ptr<Database> database;  // nothing: `condition` says why
  DatabaseCondition condition;
  bool damaged = false;
};

// All of it under another name, then moved into its place: nobody ever sees a part of it. Only by
// whoever has the turn. Says why it cannot be.
std::optional<DatabaseCondition> Database::make(std::string const& path,
                                                std::string const& real_path) {
  std::string const fresh = real_path + ".new";
  remove_all(fresh);  // of a process that was killed
  if (int const error = create_file(fresh); error != 0) return cannot_create(path, error);
  Attempt attempt = Database::attempt(path, fresh);
  if (!attempt.database) {
    remove_all(fresh);
    if (attempt.damaged) return damaged_at_once(path);
    return std::move(attempt.condition);
  }
  attempt.database.reset();  // what SQLite kept beside it goes into the file
  remove_all(real_path);     // empty, and what belonged to one that is gone
  if (rename(fresh.c_str(), real_path.c_str()) != 0) {
    int const error = errno;
    remove_all(fresh);
    return cannot_create(path, error);
  }
  sync_directory_of(real_path);
  return std::nullopt;
}

Result<std::unique_ptr<Database>> Database::open(std::string const& path) {
  configure_library();
  if (path == in_memory_path) return in_memory(path, {}, {});

  std::string moved_to;
  bool damaged_before = false;
  std::optional<ProcessLock> turn;
  while (true) {
    Place place = place_of(path);
    if (place.problem) {
      return in_memory(path, std::move(*place.problem), place.readable ? place.real_path : "");
    }
    if (place.empty) {
      if (!turn) {
        auto taken = take_turn(place.real_path);
        if (taken && !*taken) return in_memory(path, busy(path, "made"), {});
        if (taken) {
          turn = std::move(*taken);
          continue;  // another process may have made it meanwhile
        }
      }
      if (auto problem = make(path, place.real_path)) {
        return in_memory(path, std::move(*problem), {});
      }
      continue;
    }
    Attempt attempt = Database::attempt(path, place.real_path);
    if (attempt.database) {
      attempt.database->real_path_ = place.real_path;
      if (struct stat found{}; lstat(place.real_path.c_str(), &found) == 0) {
        attempt.database->device_ = found.st_dev;
        attempt.database->inode_ = found.st_ino;
      }
      if (!moved_to.empty()) {
        attempt.database->condition_ = because(
            State::recreated, "The database " + path + " was damaged. It was moved to " + moved_to +
                                  " and a new one was started. Please sign in again.");
      }
      return std::move(attempt.database);
    }
    if (!attempt.damaged) {
      State const state = attempt.condition.state;
      // Perhaps another process has just moved a damaged file away.
      if (!turn && !is_in_place(place)) {
        if (auto taken = take_turn(place.real_path); taken && *taken) {
          turn = std::move(*taken);
          continue;
        }
      }
      // Not while another process may be changing it, and not what we do not understand.
      bool const readable = state == State::memory_full || state == State::memory_read_only;
      return in_memory(path, std::move(attempt.condition), readable ? place.real_path : "");
    }

    // Twice damaged: it is not the file. Do not go round in circles.
    if (std::exchange(damaged_before, true)) return in_memory(path, damaged_at_once(path), {});
    if (!turn) {
      auto taken = take_turn(place.real_path);
      if (!taken || !*taken) return in_memory(path, busy(path, "repaired"), {});
      turn = std::move(*taken);
    }
    // Another process may have moved it away meanwhile: only the one that was looked at is moved.
    if (place.exists && !is_in_place(place)) continue;
    auto copy = set_aside(place.real_path);
    if (!copy) {
      return in_memory(path,
                       because(State::memory_read_only,
                               "The database " + path + " is damaged and cannot be moved away: " +
                                   std::strerror(errno) + "." + std::string(memory_only)),
                       {});
    }
    moved_to = std::move(*copy);
  }
}

Database::Attempt Database::attempt(std::string const& path, std::string const& real_path) {
  bool const suspect = is_suspect(real_path);

  sqlite3* connection = nullptr;
  int const code =
      sqlite3_open_v2(real_path.c_str(), &connection,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | common_flags, nullptr);
  if (connection == nullptr) throw std::bad_alloc();
  std::unique_ptr<Database> database(new Database(path, connection));
  // Until all is well the file is not to be changed, not even by closing it again.
  sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);

  auto const give_up = [&]() -> Attempt {
    int const failure = database->failure_;
    std::string const restart = " Restart afterwards." + std::string(memory_only);
    switch (judge(failure, database->failure_errno_)) {
      case Verdict::damaged:
        return {nullptr, {}, true};
      case Verdict::locked:
        return {nullptr,
                because(State::memory_locked, "Another program holds the database " + path +
                                                  " locked. Close it." + restart),
                false};
      case Verdict::full:
        return {
            nullptr,
            because(State::memory_full, "There is no space for the database " + path + " (" +
                                            size_and_space(real_path) + "). Make space." + restart),
            false};
      case Verdict::read_only:
        break;
    }
    return {nullptr,
            because(State::memory_read_only,
                    "The database " + path + " cannot be written (" + sqlite3_errstr(failure) +
                        "). Make it and its directory writable." + restart),
            false};
  };
  auto const damaged = []() -> Attempt { return {nullptr, {}, true}; };

  if (code != SQLITE_OK) {
    database->failed(code);
    return give_up();
  }
  if (int const configured = configure(connection); configured != SQLITE_OK) {
    database->failed(configured);
    return give_up();
  }
  // One look at all of it: another process may be creating the tables right now.
  auto look = database->execute("BEGIN");
  if (!look) return give_up();
  auto version = read_schema_version(*database);
  if (!version) return give_up();
  if (*version < 0) return damaged();
  if (*version > schema_version()) {
    // Looking made an empty -wal and -shm, which SQLite takes away again by itself when it closes.
    // One that holds something stays: playing it back would change the file.
    struct stat wal{};
    if (lstat((real_path + "-wal").c_str(), &wal) == 0 && wal.st_size == 0) {
      static_cast<void>(database->execute("COMMIT"));
      sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
    }
    return {nullptr,
            because(State::memory_newer,
                    "The database " + path + " was written by a newer jumpseat (its schema is " +
                        std::to_string(*version) + ", this one knows " +
                        std::to_string(schema_version()) +
                        "). It was left untouched. Update jumpseat." + std::string(memory_only)),
            false};
  }
  if (sqlite3_db_readonly(connection, "main") == 1) {
    database->failed(SQLITE_READONLY);
    return give_up();
  }
  auto const tables = first_value(*database, "SELECT count(*) FROM sqlite_schema");
  if (!tables) return give_up();
  auto const owner = first_value(*database, "PRAGMA application_id");
  if (!owner) return give_up();
  auto looked = database->execute("COMMIT");
  if (!looked) return give_up();
  if (*version == 0 && *tables != "0") {
    // No release of ours leaves tables without a version.
    if (*owner == std::to_string(application_id)) return damaged();
    return {nullptr,
            unsafe("The file " + path + " is a database of another program.",
                   "Move it away, or choose another path."),
            false};
  }
  if (suspect) {
    auto const verdict = first_value(*database, "PRAGMA quick_check(1)");
    if (!verdict) return give_up();
    if (*verdict != "ok") return damaged();
    unlink(suspicion_of(real_path).c_str());
  }

  bool const wal_allowed = wal_is_safe(real_path);
  database->local_ = wal_allowed;
  auto const mode = first_value(
      *database, wal_allowed ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode = DELETE");
  if (!mode) return give_up();
  // Small: pages of the -wal are found through an index that every process maps.
  auto settings =
      database->execute("PRAGMA wal_autocheckpoint = 128; PRAGMA journal_size_limit = 1048576");
  if (!settings) return give_up();
  if (*version == 0) {
    auto marked = database->write([](Database& inside) {
      return inside.execute("PRAGMA application_id = " + std::to_string(application_id));
    });
    if (!marked) return give_up();
  }
  sqlite3_busy_timeout(connection, busy_milliseconds_migrating);
  auto migrated = migrate(*database, migrations());
  if (!migrated) return give_up();
  sqlite3_busy_timeout(connection, busy_milliseconds);
  database->failure_ = SQLITE_CORRUPT;  // unless SQLite itself says something else
  if (!check_schema(*database)) return give_up();

  sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  return {std::move(database), {}, false};
}

// `readable_path`, unless empty: a file whose content is taken along as far as it can be read.
Result<std::unique_ptr<Database>> Database::in_memory(std::string const& path,
                                                      DatabaseCondition condition,
                                                      std::string const& readable_path) {
  for (bool const with_content : {true, false}) {
    if (with_content && readable_path.empty()) continue;
    sqlite3* connection = nullptr;
    int const code = sqlite3_open_v2(std::string(in_memory_path).c_str(), &connection,
                                     SQLITE_OPEN_READWRITE | common_flags, nullptr);
    if (connection == nullptr) throw std::bad_alloc();
    std::unique_ptr<Database> database(new Database(path, connection));
    database->condition_ = condition;
    if (code != SQLITE_OK) return database->failed(code);
    if (with_content && !database->take_content_of(readable_path)) continue;
    if (int const configured = configure(connection); configured != SQLITE_OK)
      return database->failed(configured);
    auto version = read_schema_version(*database);
    bool usable = version && *version <= schema_version() && *version >= 0;
    if (usable) {
      auto migrated = migrate(*database, migrations());
      usable = migrated && check_schema(*database);
    }
    if (usable) return database;
    if (!with_content) {
      return fail(ErrorCode::storage_unavailable, "A database in memory cannot be made.")
          .with_detail(sqlite3_errmsg(connection));
    }
  }
  return fail(ErrorCode::storage_unavailable, "A database in memory cannot be made.");
}

bool Database::take_content_of(std::string const& real_path) {
  struct Way {
    std::string name;
    int flags;
    char const* locking;
  };
  struct stat found{};
  std::vector<Way> ways;
  if (lstat((real_path + "-wal").c_str(), &found) != 0) {
    // Nobody has it open. As "immutable" it needs neither a lock nor a file beside it.
    ways.push_back({immutable_uri(real_path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, ""});
  } else {
    // Alone with it, the -wal is read without the shared -shm, which could not be made on a full
    // disk.
    ways.push_back({real_path, SQLITE_OPEN_READWRITE, "PRAGMA locking_mode = EXCLUSIVE"});
    ways.push_back({real_path, SQLITE_OPEN_READONLY, ""});
  }
  for (Way const& way : ways) {
    sqlite3* source = nullptr;
    int const opened = sqlite3_open_v2(way.name.c_str(), &source,
                                       way.flags | SQLITE_OPEN_NOFOLLOW | common_flags, nullptr);
    bool copied = false;
    if (opened == SQLITE_OK) {
      sqlite3_db_config(source, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
      run_sql(source, way.locking);
      copied = copy(connection_, source).has_value();
    }
    sqlite3_close(source);
    if (copied) return true;
  }
  return false;
}

Database::Database(std::string path, sqlite3* connection)
    : connection_(connection), path_(std::move(path)) {}

Database::~Database() {
  int const code = sqlite3_close(connection_);
  assert(code == SQLITE_OK);  // a statement outlived its database
  static_cast<void>(code);
}

// ---- Using ----

Result<Statement> Database::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  int const code = sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()), 0,
                                      &statement, nullptr);
  if (code != SQLITE_OK) return failed(code);
  return Statement(*this, statement);
}

Result<void> Database::execute(std::string_view sql) {
  int const code = run_sql(connection_, std::string(sql).c_str());
  if (code != SQLITE_OK) return failed(code);
  return {};
}

Result<void> Database::transaction(std::function<Result<void>(Database&)> const& body) {
  auto begun = execute("BEGIN IMMEDIATE");
  if (!begun) return begun.error();
  // Undoes everything unless it was committed, also when `body` throws.
  struct Undo {
    sqlite3* connection;
    ~Undo() {
      if (sqlite3_get_autocommit(connection) == 0) run_sql(connection, "ROLLBACK");
    }
  } const undo{connection_};
  auto done = body(*this);
  if (!done) return done.error();
  return execute("COMMIT");
}

Result<void> Database::write(std::function<Result<void>(Database&)> const& body) {
  return transaction(body);
}

Result<void> Database::write_durably(std::function<Result<void>(Database&)> const& body) {
  auto full = execute("PRAGMA synchronous = FULL");
  if (!full) return full.error();
  struct Back {
    sqlite3* connection;
    ~Back() { run_sql(connection, "PRAGMA synchronous = NORMAL"); }
  } const back{connection_};
  return transaction(body);
}

std::int64_t Database::data_version() const {
  auto statement = prepare("PRAGMA data_version");
  if (!statement) return 0;
  auto row = statement->step();
  return row && *row ? statement->integer(0) : 0;
}

bool Database::in_place() const {
  if (real_path_.empty()) return true;
  struct stat found{};
  return lstat(real_path_.c_str(), &found) == 0 && found.st_dev == device_ &&
         found.st_ino == inode_;
}

std::int64_t Database::changes() const { return sqlite3_changes64(connection_); }

void Database::scrub() {
  run_sql(connection_, "PRAGMA wal_checkpoint(TRUNCATE)");
  if (!condition_.persistent() || path_ == in_memory_path) return;
  for (std::int64_t version = 1; version < schema_version(); ++version)
    unlink((path_ + ".backup-v" + std::to_string(version)).c_str());
}

Result<void> Database::copy(sqlite3* destination, sqlite3* source) const {
  sqlite3_backup* const backup = sqlite3_backup_init(destination, "main", source, "main");
  if (backup == nullptr) return failed(sqlite3_extended_errcode(destination));
  int step = sqlite3_backup_step(backup, -1);
  // A busy source makes step() return at once, whatever the busy time-out.
  for (int tries = 0; tries < 5 && (step == SQLITE_BUSY || step == SQLITE_LOCKED); ++tries) {
    sqlite3_sleep(busy_milliseconds / 5);
    step = sqlite3_backup_step(backup, -1);
  }
  int const finished = sqlite3_backup_finish(backup);
  if (step != SQLITE_DONE) return failed(finished == SQLITE_OK ? step : finished);
  if (finished != SQLITE_OK) return failed(finished);
  return {};
}

Result<void> Database::copy_to(std::string const& path) const {
  if (path_ == in_memory_path || !condition_.persistent())
    return {};  // nothing a person could lose
  std::string const partial = path + ".partial";
  unlink(partial.c_str());  // left over by a process that was killed
  if (int const error = create_file(partial); error != 0) {
    failure_ = SQLITE_CANTOPEN;
    failure_errno_ = error;
    return fail(ErrorCode::storage_unavailable, "The copy " + path + " of the database " + path_ +
                                                    " cannot be made: " + std::strerror(error) +
                                                    ".");
  }
  // Through a second connection: SQLite does not copy from one that is inside a transaction.
  sqlite3* source = nullptr;
  sqlite3* destination = nullptr;
  int opened =
      sqlite3_open_v2(sqlite3_db_filename(connection_, "main"), &source,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | common_flags, nullptr);
  sqlite3_db_config(source, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (opened == SQLITE_OK) {
    opened = sqlite3_open_v2(partial.c_str(), &destination, SQLITE_OPEN_READWRITE | common_flags,
                             nullptr);
  }
  Result<void> copied = opened == SQLITE_OK ? copy(destination, source) : failed(opened);
  sqlite3_close(destination);
  sqlite3_close(source);
  if (copied && rename(partial.c_str(), path.c_str()) == 0) {
    sync_directory_of(path);
    return {};
  }
  Error error = copied ? fail(ErrorCode::storage_unavailable,
                              "The copy " + path + " of the database " + path_ +
                                  " cannot be made: " + std::strerror(errno) + ".")
                       : copied.error();
  unlink(partial.c_str());
  return error;
}

Error Database::failed(int code) const {
  failure_ = code;
  failure_errno_ = sqlite3_system_errno(connection_);
  std::string reason;
  switch (code & 0xff) {
    case SQLITE_FULL:
      reason = "no space is left (" + size_and_space(path_) + ")";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      reason = "another process is writing to it, try again";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      reason = "it is damaged, restart to repair it";
      if (path_ != in_memory_path) create_file(suspicion_of(path_));
      break;
    default:
      reason = sqlite3_errstr(code);
  }
  // SQLite's message may name columns and quote our SQL, never a value: all values are bound.
  return fail(ErrorCode::storage_unavailable, "The database " + path_ + " failed: " + reason + ".")
      .with_detail(sqlite3_errmsg(connection_));
}

}  // namespace jumpseat
