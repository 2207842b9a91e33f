#include "server/auth/stores.h"

#include <stdexcept>
#include <utility>

#include "server/base/log.h"

namespace jumpseat {
namespace {

// While it cannot be used: how often the disk is tried.
constexpr std::chrono::seconds retry_pause{60};

}  // namespace

void Stores::open() {
  auto opened = Database::open(path_);
  if (!opened) {
    log::failure("storage", opened.error());
    opened = Database::open(":memory:");
  }
  // SQLite without memory for an empty database: nothing sensible is left to do.
  if (!opened) throw std::runtime_error(opened.error().message());
  try_again_ = std::chrono::steady_clock::now() + retry_pause;
  auto const& condition = (*opened)->condition();
  if (database_ && !condition.persistent()) return;  // still no better than what we have
  if (database_ && !database_->condition().persistent()) take_over(*database_, **opened);
  if (condition.message != last_message_) {
    last_message_ = condition.message;
    if (last_message_.empty()) {
      log::info("storage", "The database " + path_ + " is in use again.");
    } else {
      log::warning("storage", last_message_);
    }
  }
  ++openings_;
  database_ = std::move(*opened);
  accounts_ = std::make_unique<AccountStore>(*database_);
  models_ = std::make_unique<ModelStore>(*database_);
  answers_ = std::make_unique<AnswerStore>(*database_);
  if (opened_listener_) opened_listener_();
}

// Sign-ins that were made while there was only memory are saved now, unless the disk has a newer
// one.
void Stores::take_over(Database& from, Database& to) {
  AccountStore const old(from);
  AccountStore fresh(to);
  auto accounts = old.list();
  if (!accounts) return log::failure("storage", accounts.error());
  for (auto& account : *accounts) {
    auto there = fresh.find(account.issuer, account.name);
    if (!there || (*there && (*there)->created_at >= account.created_at)) continue;
    auto saved = fresh.save(std::move(account));
    if (!saved) log::failure("storage", saved.error());
  }
}

Database& Stores::database() {
  if (!database_) {
    open();
  } else if (!database_->in_place()) {
    log::warning("storage", "The database " + path_ +
                                " was deleted or replaced while in use; it is opened anew.");
    database_.reset();
    open();
  } else if (!database_->condition().persistent() && path_ != ":memory:" &&
             std::chrono::steady_clock::now() >= try_again_) {
    open();
  }
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

std::uint64_t Stores::version() {
  auto const seen = static_cast<std::uint64_t>(database().data_version());
  return (openings_ << 32) + seen;
}

std::string Stores::lock_path() {
  if (path_ == ":memory:" || !condition().persistent()) return {};
  return path_ + ".refresh";
}

}  // namespace jumpseat
