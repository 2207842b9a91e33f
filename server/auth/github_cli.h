// The GitHub CLI's sign-in: `gh auth token --hostname HOST`, asked of gh itself, because its token
// may lie in the desktop's keyring. gh is found at GH_PATH or in the absolute directories of PATH
// and started without a shell; it sees neither our tokens nor our descriptors. Its answer is
// remembered for a minute.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "server/auth/token_sources.h"
#include "server/base/clock.h"
#include "server/base/config.h"
#include "server/base/paths.h"

namespace jumpseat {

class GitHubCli final : public TokenSource {
 public:
  GitHubCli(Config const& config, Paths const& paths, Clock const& clock)
      : config_(config), paths_(paths), clock_(clock) {}

  Result<std::vector<GitHubSignIn>> find(std::vector<PassedOver>& passed_over) override;
  bool borrows() const override { return true; }
  bool pending() const override;
  awaitable<> ask() override;

  // Where it is. Fails with config_invalid and a bare reason when there is none to start.
  static Result<std::string> locate(Config const& config, Paths const& paths);

 private:
  struct Answer {
    Result<Secret> token;  // or why there is none
    std::chrono::milliseconds at;
  };

  Config const& config_;
  Paths const& paths_;
  Clock const& clock_;
  std::optional<Answer> answer_;
};

}  // namespace jumpseat
