// Scope owns coroutines that run beside their creator: every coroutine has an owner, its caller or
// a Scope that waits for it. This is the only place that spawns.
//
//   Scope scope(io);
//   scope.spawn("poll", sign_in.poll(code));
//   …
//   scope.cancel();
//   co_await scope.join();
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "server/base/asio.h"
#include "server/base/event.h"

namespace jumpseat {

class Scope {
 public:
  using TaskId = std::uint64_t;

  explicit Scope(asio::io_context& io);
  // Every task must have ended: cancel and join first, while the loop still runs.
  ~Scope();
  Scope(Scope const&) = delete;
  Scope& operator=(Scope const&) = delete;

  // Starts `task`: called on the loop, it runs until its first wait before this returns. `name` is
  // for the log, should the task end with an exception other than cancellation. The returned id is
  // never used again.
  TaskId spawn(std::string name, awaitable<> task);
  // Ends one task, or all: its pending operation fails and its next co_await throws. A task that
  // has already ended is ignored.
  // Call on the loop only: Asio posts a signal that comes from elsewhere, and the task may be gone
  // by then.
  void cancel(TaskId task);
  void cancel();
  // Returns when no task is left.
  awaitable<> join();
  bool empty() const { return tasks_.empty(); }
  std::size_t size() const { return tasks_.size(); }

 private:
  struct Task;
  void ended(TaskId id, std::string const& name, std::exception_ptr failure);

  asio::io_context& io_;
  std::map<TaskId, std::shared_ptr<Task>> tasks_;
  TaskId next_ = 1;
  Event emptied_;
};

}  // namespace jumpseat
