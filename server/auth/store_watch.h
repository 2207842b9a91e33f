// Tells at once when another process writes to the database: a sign-out there is a sign-out here,
// and an idle editor hears of it. The kernel reports changes in the database's directory (inotify);
// nothing is polled. Where the kernel cannot (a network file system reports only this machine's
// changes) the next request notices.
#pragma once

#include <functional>
#include <string>

#include "server/base/asio.h"
#include "server/base/scope.h"

namespace jumpseat {

class StoreWatch {
 public:
  // `changed` is called on the loop, a moment after one or more changes.
  StoreWatch(asio::io_context& io, Scope& background, std::function<void()> changed)
      : io_(io), background_(background), changed_(std::move(changed)) {}

  // Watches the directory of `database_path` until the background scope ends; the second call for a
  // path is ignored. False when the kernel does not do it.
  bool start(std::string const& database_path);

 private:
  awaitable<> watch(int descriptor);

  asio::io_context& io_;
  Scope& background_;
  std::function<void()> changed_;
  std::string watched_;
};

}  // namespace jumpseat
