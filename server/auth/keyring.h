// The desktop's keyring (the Secret Service of GNOME and KDE, through libsecret), where the GitHub
// tokens of saved sign-ins are kept when JUMPSEAT_KEYRING is on. The database then holds everything
// about a sign-in but the token.
//
// libsecret is synchronous, and a locked or hung keyring answers late or never. So a child of this
// same program asks (server/auth/keyring_child.h): it loads libsecret, says one thing and ends, or
// is killed after a second. This process never loads it. Secrets go through pipes, never through
// arguments or the environment.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "protocol/secret.h"
#include "server/base/asio.h"
#include "server/base/config.h"
#include "server/base/paths.h"

namespace jumpseat {

class Keyring {
 public:
  Keyring(Config const& config, Paths const& paths) : config_(config), paths_(paths) {}

  // Whether new sign-ins go there.
  bool wanted() const { return config_.keyring; }

  // One entry per issuer and account name. All fail with storage_unavailable and a bare reason:
  // "it did not answer within 1 s and was stopped", "libsecret is not installed".
  awaitable<Result<void>> store(std::string issuer, std::string account, Secret token);
  // Empty when there is no such entry.
  awaitable<Result<Secret>> look_up(std::string issuer, std::string account);
  // No such entry is fine.
  awaitable<Result<void>> remove(std::string issuer, std::string account);

  // Tokens that it has told, by the id of the account in our store: it is asked once per process.
  void know(std::int64_t account, Secret token) { known_[account] = std::move(token); }
  // Empty when it has not been asked yet.
  Secret known(std::int64_t account) const;

 private:
  awaitable<Result<Secret>> ask(std::string_view what, std::string issuer, std::string account,
                                Secret token);

  Config const& config_;
  Paths const& paths_;
  std::map<std::int64_t, Secret> known_;
};

}  // namespace jumpseat
