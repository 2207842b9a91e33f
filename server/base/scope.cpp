#include "server/base/scope.h"

#include <cassert>
#include <exception>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>

#include "server/base/log.h"

namespace jumpseat {

struct Scope::Task {
  asio::cancellation_signal signal;
};

Scope::Scope(asio::io_context& io) : io_(io), emptied_(io.get_executor()) {}

Scope::~Scope() { assert(tasks_.empty() && "a Scope is cancelled and joined before it goes"); }

Scope::TaskId Scope::spawn(std::string name, awaitable<> task) {
  TaskId const id = next_++;
  auto record = std::make_shared<Task>();
  tasks_.emplace(id, record);
  auto done = [this, id, name = std::move(name)](std::exception_ptr failure) {
    ended(id, name, std::move(failure));
  };
  asio::co_spawn(io_.get_executor(), std::move(task),
                 asio::bind_cancellation_slot(record->signal.slot(), std::move(done)));
  return id;
}

void Scope::cancel(TaskId task) {
  auto found = tasks_.find(task);
  if (found == tasks_.end()) return;
  // The task may end, and be erased, inside emit().
  auto record = found->second;
  record->signal.emit(asio::cancellation_type::terminal);
}

void Scope::cancel() {
  std::vector<TaskId> ids;
  ids.reserve(tasks_.size());
  for (auto const& [id, task] : tasks_) ids.push_back(id);
  for (auto id : ids) cancel(id);
}

awaitable<> Scope::join() {
  while (!tasks_.empty()) co_await emptied_.wait();
}

void Scope::ended(TaskId id, std::string const& name, std::exception_ptr failure) {
  tasks_.erase(id);
  if (tasks_.empty()) emptied_.notify();
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (boost::system::system_error const& error) {
    if (error.code() == asio::error::operation_aborted) return;
    log::error("scope", "a task ended with an error", {{"task", name}, {"error", error.what()}});
  } catch (std::exception const& error) {
    log::error("scope", "a task ended with an error", {{"task", name}, {"error", error.what()}});
  }
}

}  // namespace jumpseat
