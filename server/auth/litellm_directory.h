// LiteLLM's token directory, both ways: its sign-in is used as it is; and when
// GITHUB_COPILOT_TOKEN_DIR names a directory to share, our sign-in is kept there in LiteLLM's own
// shapes (`access-token`: the bare GitHub token; `api-key.json`: the answer of the exchange), so
// that a LiteLLM beside us needs no sign-in of its own. LiteLLM's default directory is only read.
#pragma once

#include <string>

#include "protocol/result.h"
#include "protocol/secret.h"
#include "protocol/upstream.h"
#include "server/auth/token_sources.h"
#include "server/base/clock.h"
#include "server/base/config.h"

namespace jumpseat {

class LiteLlmDirectory final : public TokenSource {
 public:
  // `default_directory` is used while the setting names none.
  LiteLlmDirectory(Config const& config, Clock const& clock, std::string default_directory);

  Result<std::vector<GitHubSignIn>> find(std::vector<PassedOver>& passed_over) override;
  bool borrows() const override { return true; }

  // ---- keeping a shared directory up to date; nothing happens in one that is not shared ----
  // A failure is a warning in the log: the sign-in works without LiteLLM.

  // Somebody has just signed in: LiteLLM uses that sign-in from now on.
  void signed_in(Secret const& github_token);
  // A Copilot token came. It is kept beside its own GitHub token; another sign-in that LiteLLM has
  // there is left alone.
  void exchanged(Secret const& github_token, CopilotToken const& token, std::string const& api);
  // Removes what belongs to this sign-in.
  void signed_out(Secret const& github_token);

 private:
  bool shared() const { return config_.litellm_shared; }
  bool holds(Secret const& github_token) const;
  std::string path_of(std::string const& name) const;

  Config const& config_;
  Clock const& clock_;
  std::string directory_;
};

}  // namespace jumpseat
