#include "server/auth/keyring.h"

#include <utility>

#include "server/auth/keyring_child.h"
#include "server/base/child_process.h"

namespace jumpseat {
namespace {

constexpr std::chrono::seconds answer_limit{1};

Error unavailable(std::string reason) {
  return fail(ErrorCode::storage_unavailable, std::move(reason));
}

}  // namespace

awaitable<Result<void>> Keyring::store(std::string issuer, std::string account, Secret token) {
  auto said =
      co_await ask(keyring_child::store, std::move(issuer), std::move(account), std::move(token));
  if (!said) co_return said.error();
  co_return Result<void>();
}

awaitable<Result<Secret>> Keyring::look_up(std::string issuer, std::string account) {
  Secret const nothing;
  co_return co_await ask(keyring_child::look_up, std::move(issuer), std::move(account), nothing);
}

awaitable<Result<void>> Keyring::remove(std::string issuer, std::string account) {
  Secret const nothing;
  auto said = co_await ask(keyring_child::remove, std::move(issuer), std::move(account), nothing);
  if (!said) co_return said.error();
  co_return Result<void>();
}

Secret Keyring::known(std::int64_t account) const {
  auto const found = known_.find(account);
  return found == known_.end() ? Secret() : found->second;
}

// Empty when there is nothing to tell.
awaitable<Result<Secret>> Keyring::ask(std::string_view what, std::string issuer,
                                       std::string account, Secret token) {
  ChildCommand command;
  command.program = "/proc/self/exe";
  command.arguments = {std::string(keyring_child::word), std::string(what), std::move(issuer),
                       std::move(account)};
  command.environment = paths_.child_environment;
  command.input = std::move(token);
  command.limit = answer_limit;
  auto said = co_await ask_program(std::move(command));
  if (!said) co_return unavailable(said.error().message());
  switch (static_cast<keyring_child::End>(said->exit_code)) {
    case keyring_child::End::done:
      co_return std::move(said->output);
    case keyring_child::End::nothing:
      co_return Secret();
    case keyring_child::End::failed: {
      std::string reason(said->output.reveal());
      co_return unavailable(std::move(reason));
    }
  }
  co_return unavailable("asking it ended with " + std::to_string(said->exit_code));
}

}  // namespace jumpseat
