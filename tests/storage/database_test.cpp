// The database when all is well, and in each of the states in which a person may leave its file.
#include "storage/database.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include "storage/accounts.h"
#include "storage/models.h"
#include "storage/schema.h"
#include "tests/support/show.h"
#include "tests/support/temp_dir.h"

using namespace jumpseat;

namespace {

using State = DatabaseCondition::State;

// AddressSanitizer makes fork() and files ten times slower; the plain build runs all of them.
#if defined(__SANITIZE_ADDRESS__)
constexpr int rarely = 7;
#else
constexpr int rarely = 1;
#endif

constexpr std::string_view canary = "gho_CanaryCanaryCanaryCanary0123456789ab";
constexpr std::string_view issuer = "https://github.com";

std::unique_ptr<Database> opened(std::string const& path) {
  auto database = Database::open(path);
  REQUIRE(database);
  return std::move(*database);
}

Account sign_in(std::string_view token = canary) {
  Account account;
  account.issuer = issuer;
  account.name = "default";
  account.login = "octocat";
  account.github_token = Secret(std::string(token));
  account.created_at = 1790000000;
  return account;
}

// The stored token, or what went wrong.
std::string token_in(Database& database) {
  auto found = AccountStore(database).find(issuer, "default");
  if (!found) return found.error().message();
  return *found ? std::string((*found)->github_token.reveal()) : "signed out";
}

// SQLite itself, for what another program may do to the file.
struct Raw {
  explicit Raw(std::string const& path) {
    REQUIRE(sqlite3_open(path.c_str(), &connection) == SQLITE_OK);
  }
  Raw(Raw const&) = delete;
  ~Raw() { sqlite3_close(connection); }
  void run(std::string const& sql) {
    char* message = nullptr;
    int const code = sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, &message);
    INFO(sql << ": " << (message != nullptr ? message : ""));
    sqlite3_free(message);
    REQUIRE(code == SQLITE_OK);
  }
  std::string value(std::string const& sql) {
    std::string out;
    sqlite3_exec(
        connection, sql.c_str(),
        [](void* into, int, char** columns, char**) {
          *static_cast<std::string*>(into) += columns[0] != nullptr ? columns[0] : "NULL";
          return 0;
        },
        &out, nullptr);
    return out;
  }
  sqlite3* connection = nullptr;
};

// A database with a sign-in, a token and a model list, closed again.
std::string make_database(std::string const& path, std::size_t model_bytes = 20000) {
  {
    auto database = opened(path);
    REQUIRE(database->condition().state == State::on_disk);
    auto account = AccountStore(*database).save(sign_in());
    REQUIRE(account);
    StoredCopilotToken token;
    token.token = Secret("tid=1;exp=2:3");
    token.api = "https://api.individual.githubcopilot.com";
    REQUIRE(AccountStore(*database).save_copilot_token(account->id, token));
    StoredModels models;
    models.body = std::string(model_bytes, 'm');
    REQUIRE(ModelStore(*database).save(account->id, "vscode-chat", models));
  }
  return read_file(path);
}

// Uses every table. Each call works or says storage_unavailable; the number of failures.
int use_everything(Database& database) {
  int failures = 0;
  auto const judge = [&](auto const& result) {
    if (result) return;
    CHECK((result.error().code() == ErrorCode::storage_unavailable ||
           result.error().code() == ErrorCode::not_signed_in));
    if (result.error().code() == ErrorCode::storage_unavailable) ++failures;
  };
  AccountStore accounts(database);
  ModelStore models(database);
  judge(accounts.find(issuer, "default"));
  judge(accounts.list(issuer));
  judge(accounts.copilot_token(1));
  judge(models.find(1, "vscode-chat"));
  judge(accounts.set_login(1, "someone"));
  StoredModels list;
  list.body = std::string(9000, 'n');
  judge(models.save(1, "vscode-chat", list));
  judge(accounts.save(sign_in()));
  judge(accounts.remove(issuer, "default"));
  return failures;
}

// Runs as an ordinary user, for whom permissions count; the superuser may do everything.
class OrdinaryUser {
 public:
  explicit OrdinaryUser(std::string const& directory) {
    if (geteuid() != 0) return;
    REQUIRE(chown(directory.c_str(), uid, uid) == 0);
    switched_ = setegid(uid) == 0 && seteuid(uid) == 0;
    REQUIRE(switched_);
  }
  OrdinaryUser(OrdinaryUser const&) = delete;
  ~OrdinaryUser() {
    if (switched_) static_cast<void>(seteuid(0) == 0 && setegid(0) == 0);
  }

 private:
  static constexpr uid_t uid = 65534;
  bool switched_ = false;
};

bool contains_canary(TempDir const& directory) {
  for (std::string const& name : directory.names()) {
    struct stat found{};
    if (lstat((directory / name).c_str(), &found) != 0 || !S_ISREG(found.st_mode)) continue;
    if (read_file(directory / name).find(canary) != std::string::npos) return true;
  }
  return false;
}

// The shortest of three runs, since a busy machine may disturb one.
template <class Run>
double milliseconds(Run run) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    auto const start = std::chrono::steady_clock::now();
    run();
    std::chrono::duration<double, std::milli> const taken =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

}  // namespace

TEST_CASE("what is written is there again after a restart") {
  TempDir directory;
  make_database(directory / "a/b/jumpseat.db");
  auto database = opened(directory / "a/b/jumpseat.db");
  CHECK(database->condition().state == State::on_disk);
  CHECK(database->condition().persistent());
  CHECK(database->condition().message.empty());
  CHECK(token_in(*database) == canary);
  CHECK(mode_of(directory / "a") == 0700);
  CHECK(mode_of(directory / "a/b") == 0700);
}

TEST_CASE("a database in memory has the same tables") {
  auto database = opened(":memory:");
  CHECK(database->condition().message.empty());
  CHECK(use_everything(*database) == 0);
}

TEST_CASE("a database in use is WAL, with foreign keys, and forgets what is deleted") {
  TempDir directory;
  auto database = opened(directory / "jumpseat.db");
  auto const value = [&](std::string_view pragma) {
    auto statement = database->prepare("PRAGMA " + std::string(pragma));
    REQUIRE(statement);
    REQUIRE(statement->step());
    return statement->text(0);
  };
  CHECK(value("journal_mode") == "wal");
  CHECK(value("synchronous") == "1");
  CHECK(value("foreign_keys") == "1");
  CHECK(value("secure_delete") == "1");
  CHECK(value("mmap_size") == "0");
  CHECK(value("user_version") == std::to_string(schema_version()));
  CHECK(value("application_id") == std::to_string(0x4a6d7053));
  // Sign-ins are written with synchronous=FULL, and only they.
  std::string inside;
  REQUIRE(database->write_durably([&](Database&) -> Result<void> {
    inside = value("synchronous");
    return {};
  }));
  CHECK(inside == "2");
  CHECK(value("synchronous") == "1");
}

TEST_CASE("a transaction is whole or nothing") {
  auto database = opened(":memory:");
  auto const insert = [](Database& inside) {
    return inside.execute(
        "INSERT INTO accounts (issuer, name, login, github_token, created_at) "
        "VALUES ('i', 'n', '', 't', 1)");
  };
  auto const count = [&] { return AccountStore(*database).list("i")->size(); };

  auto refused = database->write([&](Database& inside) -> Result<void> {
    REQUIRE(insert(inside));
    return fail(ErrorCode::internal, "changed my mind");
  });
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() == "changed my mind");
  CHECK(count() == 0);

  CHECK_THROWS_AS(database->write([&](Database& inside) -> Result<void> {
    REQUIRE(insert(inside));
    throw std::runtime_error("a bug");
  }),
                  std::runtime_error);
  CHECK(count() == 0);

  auto nested = database->write([&](Database& inside) -> Result<void> {
    return inside.write([](Database&) -> Result<void> { return {}; });
  });
  REQUIRE_FALSE(nested);
  CHECK(nested.error().code() == ErrorCode::storage_unavailable);

  REQUIRE(database->write(insert));
  CHECK(count() == 1);
  CHECK(database->changes() == 1);
}

TEST_CASE("values are bound as they are, and no error shows one") {
  auto database = opened(":memory:");
  std::string const odd = std::string("'; DROP TABLE accounts; --") + '\0' + "\xff\n";
  Account account = sign_in();
  account.login = odd;
  account.name = "";
  REQUIRE(AccountStore(*database).save(account));
  auto found = AccountStore(*database).find(issuer, "");
  REQUIRE(found);
  REQUIRE(found->has_value());
  CHECK((*found)->login == odd);

  // A constraint that fails on a row with a secret.
  auto clash = database->prepare(
      "INSERT INTO accounts (issuer, name, login, github_token, created_at) "
      "VALUES (?1, '', '', ?2, 1)");
  REQUIRE(clash);
  auto done = clash->bind(1, issuer).bind(2, Secret(std::string(canary))).run();
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == ErrorCode::storage_unavailable);
  CHECK_THAT(done.error().detail(), Catch::Contains("UNIQUE"));
  CHECK_THAT(done.error().message() + done.error().detail(), !Catch::Contains(std::string(canary)));
  CHECK_FALSE(database->prepare("SELECT nonsense FROM nowhere"));
  CHECK_FALSE(database->execute("nonsense"));
}

TEST_CASE("S17: every file is 0600 from the moment it exists, whatever the umask") {
  TempDir directory;
  // For the superuser SQLite also sets the owner of its files, which shows as IN_ATTRIB.
  OrdinaryUser const user(directory.path());
  std::string const path = directory / "jumpseat.db";
  // The kernel's own record: a file that was made wider and narrowed later shows IN_ATTRIB.
  int const watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  REQUIRE(inotify_add_watch(watch, directory.path().c_str(), IN_CREATE | IN_MOVED_TO | IN_ATTRIB) >=
          0);
  std::vector<std::string> created;
  auto const check_modes = [&] {
    alignas(inotify_event) std::array<char, 65536> buffer{};
    while (true) {
      auto const size = read(watch, buffer.data(), buffer.size());
      if (size <= 0) break;
      for (auto at = ssize_t{0}; at < size;) {
        auto const* const event = reinterpret_cast<inotify_event const*>(buffer.data() + at);
        INFO(event->name);
        CHECK((event->mask & IN_ATTRIB) == 0);
        created.push_back(event->name);
        at += static_cast<ssize_t>(sizeof *event + event->len);
      }
    }
    for (std::string const& name : directory.names()) {
      INFO(name);
      CHECK(mode_of(directory / name) == 0600);
    }
  };
  auto const was_created = [&](std::string_view name) {
    return std::find(created.begin(), created.end(), name) != created.end();
  };

  for (mode_t const mask : {mode_t{0}, mode_t{0077}}) {
    mode_t const old_mask = umask(mask);
    created.clear();
    {
      auto database = opened(path);
      check_modes();
      REQUIRE(AccountStore(*database).save(sign_in()));
      check_modes();
      CHECK(was_created("jumpseat.db-wal"));
      CHECK(was_created("jumpseat.db-shm"));
      REQUIRE(database->copy_to(path + ".backup-v1"));
      check_modes();
      CHECK(was_created("jumpseat.db.backup-v1"));
      database->scrub();
      check_modes();
    }
    check_modes();
    write_file(path, "no database");
    CHECK(opened(path)->condition().state == State::recreated);
    check_modes();
    CHECK(std::any_of(created.begin(), created.end(), [](std::string const& name) {
      return name.starts_with("jumpseat.db.corrupt-");
    }));
    umask(old_mask);
  }
  close(watch);
}

TEST_CASE("D1: a disk that is full at open or in the middle of use") {
  TempDir directory;
  std::string const disk = directory / "disk";
  REQUIRE(mkdir(disk.c_str(), 0700) == 0);
  if (mount("none", disk.c_str(), "tmpfs", 0, "size=1m,mode=0700") != 0) {
    WARN("SKIPPED: a small disk cannot be mounted here (needs the superuser)");
    return;
  }
  struct Unmount {
    std::string path;
    ~Unmount() { umount2(path.c_str(), MNT_DETACH); }
  } const unmount{disk};
  std::string const path = disk + "/jumpseat.db";
  auto const fill = [&](std::string const& name) {
    FILE* const file = std::fopen((disk + "/" + name).c_str(), "wb");
    REQUIRE(file != nullptr);
    std::vector<char> const block(512, 'x');
    while (std::fwrite(block.data(), 1, block.size(), file) == block.size()) continue;
    std::fclose(file);
  };

  SECTION("before there is a file") {
    fill("everything");
    auto database = opened(path);
    CHECK(database->condition().state == State::memory_full);
    CHECK_THAT(database->condition().message, Catch::Contains(path) &&
                                                  Catch::Contains("0 KB are free") &&
                                                  Catch::Contains("will not survive a restart"));
    CHECK(use_everything(*database) == 0);
  }
  SECTION("with a file from better days: its sign-ins still work") {
    make_database(path);
    fill("everything");
    auto database = opened(path);
    CHECK(database->condition().state == State::memory_full);
    CHECK_THAT(database->condition().message, Catch::Contains(path) && Catch::Contains("KB"));
    CHECK(token_in(*database) == canary);
    CHECK(use_everything(*database) == 0);
    database.reset();
    unlink((disk + "/everything").c_str());
    CHECK(token_in(*opened(path)) == canary);
  }
  SECTION("in the middle of use: an error with path and size, the old content stays whole") {
    auto database = opened(path);
    auto account = AccountStore(*database).save(sign_in());
    REQUIRE(account);
    fill("everything");
    StoredModels models;
    models.body = std::string(300000, 'm');
    auto saved = ModelStore(*database).save(account->id, "vscode-chat", models);
    REQUIRE_FALSE(saved);
    CHECK(saved.error().code() == ErrorCode::storage_unavailable);
    CHECK_THAT(saved.error().message(), Catch::Contains(path) &&
                                            Catch::Contains("no space is left") &&
                                            Catch::Contains("KB"));
    CHECK(token_in(*database) == canary);
    // There is space again: so it works again, without a restart.
    unlink((disk + "/everything").c_str());
    CHECK(ModelStore(*database).save(account->id, "vscode-chat", models));
    CHECK(token_in(*database) == canary);
  }
}

TEST_CASE("D1: a limit on the file's size is a full disk too") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  auto database = opened(path);
  auto account = AccountStore(*database).save(sign_in());
  REQUIRE(account);
  REQUIRE(database->execute("PRAGMA max_page_count = 1"));  // SQLite takes the present size
  StoredModels models;
  models.body = std::string(300000, 'm');
  auto saved = ModelStore(*database).save(account->id, "vscode-chat", models);
  REQUIRE_FALSE(saved);
  CHECK(saved.error().code() == ErrorCode::storage_unavailable);
  CHECK_THAT(saved.error().message(), Catch::Contains(path) && Catch::Contains("no space is left"));
  CHECK(token_in(*database) == canary);
}

TEST_CASE("D2: what cannot be written is read, and sign-ins say that they will not survive") {
  TempDir directory;
  OrdinaryUser const user(directory.path());
  std::string const path = directory / "jumpseat.db";

  SECTION("a directory that does not let us create the file") {
    REQUIRE(chmod(directory.path().c_str(), 0500) == 0);
    auto database = opened(path);
    CHECK(database->condition().state == State::memory_read_only);
    CHECK_FALSE(database->condition().persistent());
    CHECK_THAT(database->condition().message, Catch::Contains(path) &&
                                                  Catch::Contains("Permission denied") &&
                                                  Catch::Contains("will not survive a restart"));
    CHECK(use_everything(*database) == 0);
  }
  SECTION("a directory above it that does not") {
    REQUIRE(chmod(directory.path().c_str(), 0500) == 0);
    auto database = opened(directory / "a/b/jumpseat.db");
    CHECK(database->condition().state == State::memory_read_only);
  }
  SECTION("a file in the directory's place") {
    write_file(directory / "a", "");
    auto database = opened(directory / "a/jumpseat.db");
    CHECK(database->condition().state == State::memory_read_only);
    CHECK_THAT(database->condition().message, Catch::Contains("Not a directory"));
  }
  SECTION("a read-only file") {
    std::string const before = make_database(path);
    REQUIRE(chmod(path.c_str(), 0400) == 0);
    auto database = opened(path);
    CHECK(database->condition().state == State::memory_read_only);
    CHECK_THAT(database->condition().message, Catch::Contains(path));
    CHECK(token_in(*database) == canary);
    CHECK(use_everything(*database) == 0);
    database.reset();
    CHECK(read_file(path) == before);
  }
  SECTION("a read-only directory around a good file") {
    std::string const before = make_database(path);
    REQUIRE(chmod(directory.path().c_str(), 0500) == 0);
    auto database = opened(path);
    CHECK(database->condition().state == State::memory_read_only);
    CHECK(token_in(*database) == canary);
    CHECK(use_everything(*database) == 0);
    database.reset();
    CHECK(read_file(path) == before);
  }
  chmod(directory.path().c_str(), 0700);
}

TEST_CASE("D3: what is not a database is moved aside, kept, and a new one is started") {
  std::vector<std::string> const contents = {
      "no database at all",
      std::string(100, '\0'),
      std::string(4096, 'x'),
      std::string("SQLite format 3\0", 16),
      std::string("SQLite format 3\0", 16) + std::string(8192, '\xff'),
  };
  for (std::string const& content : contents) {
    TempDir directory;
    std::string const path = directory / "jumpseat.db";
    write_file(path, content);
    chmod(path.c_str(), 0600);
    auto database = opened(path);
    CHECK(database->condition().state == State::recreated);
    CHECK(database->condition().persistent());
    CHECK(token_in(*database) == "signed out");
    REQUIRE(AccountStore(*database).save(sign_in()));
    database.reset();

    std::vector<std::string> aside;
    for (std::string const& name : directory.names())
      if (name.starts_with("jumpseat.db.corrupt-")) aside.push_back(name);
    REQUIRE(aside.size() == 1);
    CHECK(read_file(directory / aside.front()) == content);
    CHECK(mode_of(directory / aside.front()) == 0600);

    auto again = opened(path);
    CHECK(again->condition().state == State::on_disk);
    CHECK(token_in(*again) == canary);
  }
  SECTION("an empty file is a new database") {
    TempDir directory;
    std::string const path = directory / "jumpseat.db";
    write_file(path, "");
    chmod(path.c_str(), 0600);
    CHECK(opened(path)->condition().state == State::on_disk);
  }
  SECTION("twice in one second: two copies") {
    TempDir directory;
    std::string const path = directory / "jumpseat.db";
    for (int i = 0; i < 3; ++i) {
      write_file(path, "damage number " + std::to_string(i));
      chmod(path.c_str(), 0600);
      CHECK(opened(path)->condition().state == State::recreated);
    }
    auto const names = directory.names();
    CHECK(std::count_if(names.begin(), names.end(), [](std::string const& name) {
            return name.starts_with("jumpseat.db.corrupt-");
          }) == 3);
  }
  SECTION("the message says where the copy is") {
    TempDir directory;
    std::string const path = directory / "jumpseat.db";
    write_file(path, "no database");
    chmod(path.c_str(), 0600);
    auto database = opened(path);
    for (std::string const& name : directory.names()) {
      if (name.starts_with("jumpseat.db.corrupt-"))
        CHECK_THAT(database->condition().message, Catch::Contains(directory / name));
    }
  }
}

TEST_CASE(
    "D3: truncated anywhere, or with bytes changed at 1,000 places: never a crash, never a loop") {
  TempDir original;
  std::string const good = make_database(original / "jumpseat.db");
  REQUIRE(good.size() > 30000);

  std::mt19937 random(20260701);
  auto const below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  int recreated = 0;
  for (int trial = 0; trial < 1100; trial += rarely) {
    TempDir directory;
    std::string const path = directory / "jumpseat.db";
    std::string damaged = good;
    if (trial < 100) {
      damaged.resize(below(good.size()));
    } else {
      // Half of them where it matters most: the first page.
      std::size_t const place = below(trial % 2 == 0 ? 4096 : good.size());
      std::size_t const size = trial % 3 == 0 ? 1 : 64;
      for (std::size_t i = place; i < std::min(place + size, good.size()); ++i)
        damaged[i] = static_cast<char>(below(256));
    }
    write_file(path, damaged);
    chmod(path.c_str(), 0600);
    INFO("trial " << trial);

    auto database = opened(path);
    State const state = database->condition().state;
    // A version number that reads as a newer one, or somebody else's mark: left untouched.
    if (state == State::memory_newer || state == State::memory_unsafe) {
      CHECK(use_everything(*database) == 0);
      database.reset();
      CHECK(read_file(path) == damaged);
      continue;
    }
    bool const kept = state == State::on_disk;
    CHECK((kept || state == State::recreated));
    int const failures = use_everything(*database);
    database.reset();
    if (state == State::recreated) {
      ++recreated;
      CHECK(failures == 0);
      bool found = false;
      for (std::string const& name : directory.names())
        found = found || (name.starts_with("jumpseat.db.corrupt-") &&
                          read_file(directory / name) == damaged);
      CHECK(found);
    }
    // Whatever was found in use is repaired by the next start.
    auto again = opened(path);
    CHECK(again->condition().persistent());
    CHECK(use_everything(*again) == 0);
  }
  CHECK(recreated > 200 / rarely);
}

TEST_CASE("D3: damage that is found in use is looked for at the next start") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  // Large, so that it is not looked through each time.
  std::string damaged = make_database(path, 3'000'000);
  std::fill_n(damaged.begin() + 2'000'000, 8192, '\xff');
  write_file(path, damaged);
  {
    auto database = opened(path);
    CHECK(database->condition().state == State::on_disk);
    CHECK(token_in(*database) == canary);
    auto models = ModelStore(*database).find(1, "vscode-chat");
    REQUIRE_FALSE(models);
    CHECK(models.error().code() == ErrorCode::storage_unavailable);
    CHECK_THAT(models.error().message(), Catch::Contains(path) && Catch::Contains("damaged"));
  }
  CHECK(mode_of(path + ".suspect") == 0600);
  CHECK(opened(path)->condition().state == State::recreated);
  CHECK(mode_of(path + ".suspect") == -1);
  CHECK(opened(path)->condition().state == State::on_disk);
}

TEST_CASE("D4: another process's lock is waited for a quarter of a second at most") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  std::string const before = make_database(path);

  SECTION("it writes: reading works, writing says so") {
    Raw other(path);
    other.run("BEGIN EXCLUSIVE");
    CHECK(milliseconds([&] { opened(path); }) < 250);
    auto database = opened(path);
    CHECK(database->condition().state == State::on_disk);
    CHECK(token_in(*database) == canary);
    AccountStore store(*database);
    CHECK(milliseconds([&] { CHECK_FALSE(store.save(sign_in("gho_another"))); }) < 250);
    auto saved = store.save(sign_in("gho_another"));
    REQUIRE_FALSE(saved);
    CHECK(saved.error().code() == ErrorCode::storage_unavailable);
    CHECK_THAT(saved.error().message(),
               Catch::Contains(path) && Catch::Contains("another process"));
    other.run("COMMIT");
    CHECK(AccountStore(*database).save(sign_in("gho_another")));
    CHECK(token_in(*database) == "gho_another");
  }
  SECTION("it holds the whole file: work from memory") {
    Raw other(path);
    other.run("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE accounts SET login = 'x'");
    CHECK(milliseconds([&] { opened(path); }) < 250);
    auto database = opened(path);
    CHECK(database->condition().state == State::memory_locked);
    CHECK_THAT(database->condition().message, Catch::Contains(path) && Catch::Contains("locked"));
    CHECK(use_everything(*database) == 0);
    other.run("ROLLBACK");
  }
}

TEST_CASE("D5: killed at any moment, what was committed is there and whole") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  {
    auto database = opened(path);
    REQUIRE(AccountStore(*database).save(sign_in()));
  }
  // A token that spells its number over and over: half of an old and half of a new one would show.
  auto const token_of = [](int number) {
    std::string text;
    while (text.size() < 2000) text += std::to_string(number) + ",";
    return text;
  };
  std::mt19937 random(5);
  int number = 0;
  int kills = 0;
  for (; kills < 300; kills += rarely) {
    std::array<int, 2> pipes{};
    REQUIRE(pipe(pipes.data()) == 0);
    pid_t const child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      // Says which number is committed, after each commit, until it is killed.
      auto database = Database::open(path);
      if (!database || !(*database)->condition().persistent()) _exit(1);
      AccountStore store(**database);
      auto account = store.find(issuer, "default");
      if (!account || !*account) _exit(2);
      while (true) {
        ++number;
        StoredCopilotToken token;
        token.token = Secret(token_of(number));
        token.received_at = number;
        if (!store.save_copilot_token((*account)->id, token)) _exit(3);
        if (write(pipes[1], &number, sizeof number) != sizeof number) _exit(4);
      }
    }
    close(pipes[1]);
    int reported = number;
    for (auto commits = random() % 40; commits > 0; --commits)
      if (read(pipes[0], &reported, sizeof reported) != sizeof reported) break;
    kill(child, SIGKILL);
    for (int more = 0; read(pipes[0], &more, sizeof more) == sizeof more;) reported = more;
    close(pipes[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    auto database = opened(path);
    REQUIRE(database->condition().state == State::on_disk);
    CHECK(token_in(*database) == canary);
    auto token = AccountStore(*database).copilot_token(1);
    REQUIRE(token);
    if (!*token) {
      CHECK(reported == 0);
      continue;
    }
    number = static_cast<int>((*token)->received_at);
    CHECK((*token)->token.reveal() == token_of(number));
    // Nothing that was reported is lost; the commit after it may have been made, too.
    CHECK((number == reported || number == reported + 1));
    if (kills % 50 == 0) CHECK(Raw(path).value("PRAGMA integrity_check") == "ok");
  }
  CHECK(kills >= 300);
  CHECK(number > 300 / rarely);
}

TEST_CASE("D6: a newer schema is left as it is, to the byte") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  make_database(path);
  {
    Raw(path).run("PRAGMA user_version = " + std::to_string(schema_version() + 1));
  }
  std::string const before = read_file(path);
  auto database = opened(path);
  CHECK(database->condition().state == State::memory_newer);
  CHECK_FALSE(database->condition().persistent());
  CHECK_THAT(database->condition().message,
             Catch::Contains(path) &&
                 Catch::Contains("its schema is " + std::to_string(schema_version() + 1)) &&
                 Catch::Contains("knows " + std::to_string(schema_version())) &&
                 Catch::Contains("Update jumpseat"));
  CHECK(use_everything(*database) == 0);
  database.reset();
  CHECK(read_file(path) == before);
  CHECK(opened(path)->condition().state == State::memory_newer);
  CHECK(read_file(path) == before);
}

TEST_CASE("D6: nor is another program's database touched") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  {
    Raw(path).run("CREATE TABLE cookies (id)");
  }
  chmod(path.c_str(), 0600);
  std::string const before = read_file(path);
  auto database = opened(path);
  CHECK(database->condition().state == State::memory_unsafe);
  CHECK_THAT(database->condition().message, Catch::Contains("another program"));
  CHECK(use_everything(*database) == 0);
  database.reset();
  CHECK(read_file(path) == before);
}

TEST_CASE("D13: secrets are not written where others may look, and the message says what to do") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  auto const refused = [&](std::string const& fix) {
    auto database = opened(path);
    CHECK(database->condition().state == State::memory_unsafe);
    CHECK_FALSE(database->condition().persistent());
    CHECK_THAT(database->condition().message,
               Catch::Contains(fix) && Catch::Contains("in memory only"));
    REQUIRE(AccountStore(*database).save(sign_in()));
    CHECK(token_in(*database) == canary);
    CHECK(use_everything(*database) == 0);
  };

  SECTION("a file of ours that others may read") {
    for (mode_t const mode : {0644u, 0640u, 0604u, 0660u, 0666u, 0610u}) {
      {
        opened(path);
      }
      REQUIRE(chmod(path.c_str(), mode) == 0);
      std::string const before = read_file(path);
      refused("chmod 600 " + path);
      CHECK(read_file(path) == before);
      CHECK(mode_of(path) == static_cast<int>(mode));
      CHECK_FALSE(contains_canary(directory));
    }
    // The fix fixes it.
    REQUIRE(chmod(path.c_str(), 0600) == 0);
    CHECK(opened(path)->condition().state == State::on_disk);
  }
  SECTION("what is in it still works, unless others could have put it there") {
    make_database(path);
    REQUIRE(chmod(path.c_str(), 0644) == 0);
    CHECK(token_in(*opened(path)) == canary);
    REQUIRE(chmod(path.c_str(), 0666) == 0);
    CHECK(token_in(*opened(path)) == "signed out");
  }
  SECTION("a -wal, -shm or -journal that others may read") {
    {
      opened(path);
    }
    for (std::string const suffix : {"-wal", "-shm", "-journal"}) {
      write_file(path + suffix, "");
      REQUIRE(chmod((path + suffix).c_str(), 0644) == 0);
      refused("chmod 600 " + path + suffix);
      unlink((path + suffix).c_str());
    }
    CHECK_FALSE(contains_canary(directory));
  }
  SECTION("a symbolic link, to nothing or to a file of ours") {
    REQUIRE(symlink((directory / "elsewhere").c_str(), path.c_str()) == 0);
    refused("symbolic link");
    CHECK(mode_of(directory / "elsewhere") == -1);
    write_file(directory / "elsewhere", "mine");
    chmod((directory / "elsewhere").c_str(), 0600);
    refused("symbolic link");
    CHECK(read_file(directory / "elsewhere") == "mine");
  }
  SECTION("a link in a companion's place") {
    {
      opened(path);
    }
    REQUIRE(symlink((directory / "elsewhere").c_str(), (path + "-wal").c_str()) == 0);
    refused("symbolic link");
    CHECK(mode_of(directory / "elsewhere") == -1);
  }
  SECTION("a hard link") {
    {
      opened(path);
    }
    REQUIRE(link(path.c_str(), (directory / "second").c_str()) == 0);
    refused("hard link");
  }
  SECTION("a directory in its place") {
    REQUIRE(mkdir(path.c_str(), 0700) == 0);
    refused("not a plain file");
  }
  SECTION("a directory that others may write to") {
    for (mode_t const mode : {0777u, 0770u, 0702u, 01777u}) {
      REQUIRE(chmod(directory.path().c_str(), mode) == 0);
      refused("chmod 700 " + directory.path());
      CHECK(directory.names().empty());
    }
    REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
    CHECK(opened(path)->condition().state == State::on_disk);
  }
  SECTION("a link above the file is followed: people move their homes") {
    REQUIRE(mkdir((directory / "real").c_str(), 0700) == 0);
    REQUIRE(symlink((directory / "real").c_str(), (directory / "link").c_str()) == 0);
    auto database = opened(directory / "link/jumpseat.db");
    CHECK(database->condition().state == State::on_disk);
    CHECK(mode_of(directory / "real/jumpseat.db") == 0600);
  }
  SECTION("somebody else's file or directory") {
    if (geteuid() != 0) {
      WARN("SKIPPED: files of another user need the superuser");
      return;
    }
    make_database(path);
    REQUIRE(chown(path.c_str(), 65534, 65534) == 0);
    {
      auto database = opened(path);
      CHECK(database->condition().state == State::memory_unsafe);
      CHECK_THAT(database->condition().message, Catch::Contains("belongs to another user"));
      CHECK(token_in(*database) == "signed out");  // it may be planted
    }
    REQUIRE(chown(path.c_str(), 0, 0) == 0);
    REQUIRE(chown(directory.path().c_str(), 65534, 65534) == 0);
    auto database = opened(path);
    CHECK(database->condition().state == State::memory_unsafe);
    CHECK_THAT(database->condition().message, Catch::Contains("The directory"));
    CHECK(token_in(*database) == "signed out");
  }
}

TEST_CASE("two processes take turns") {
  TempDir directory;
  std::string const path = directory / "jumpseat.db";
  make_database(path);
  auto one = opened(path);
  auto two = opened(path);
  REQUIRE(AccountStore(*one).save(sign_in("gho_one")));
  CHECK(token_in(*two) == "gho_one");
  REQUIRE(AccountStore(*two).save(sign_in("gho_two")));
  CHECK(token_in(*one) == "gho_two");
  // Both are there while one starts anew.
  CHECK(token_in(*opened(path)) == "gho_two");
}

TEST_CASE("C15: eight processes that start at once, on no file or on a damaged one") {
  for (std::string const content : {"", "no database"}) {
    for (int round = 0; round < 10; ++round) {
      TempDir directory;
      std::string const path = directory / "jumpseat.db";
      if (!content.empty()) {
        write_file(path, content);
        chmod(path.c_str(), 0600);
      }
      std::array<int, 2> start{};
      REQUIRE(pipe2(start.data(), O_CLOEXEC) == 0);
      std::vector<pid_t> children;
      for (int i = 0; i < 8; ++i) {
        children.push_back(fork());
        REQUIRE(children.back() >= 0);
        if (children.back() != 0) continue;
        close(start[1]);
        char nothing = 0;
        if (read(start[0], &nothing, 1) != 0) _exit(100);  // ends for all in the same moment
        auto database = Database::open(path);
        if (!database) _exit(101);
        _exit(static_cast<int>((*database)->condition().state));
      }
      close(start[0]);
      close(start[1]);
      int recreated = 0;
      for (pid_t const child : children) {
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child);
        REQUIRE(WIFEXITED(status));
        auto const state = static_cast<State>(WEXITSTATUS(status));
        INFO("content '" << content << "', round " << round);
        CHECK((state == State::on_disk || state == State::recreated));
        if (state == State::recreated) ++recreated;
      }
      CHECK(recreated == (content.empty() ? 0 : 1));
      auto database = opened(path);
      CHECK(database->condition().state == State::on_disk);
      CHECK(use_everything(*database) == 0);
      auto const names = directory.names();
      CHECK(std::count_if(names.begin(), names.end(), [](std::string const& name) {
              return name.starts_with("jumpseat.db.corrupt-");
            }) == recreated);
    }
  }
}
