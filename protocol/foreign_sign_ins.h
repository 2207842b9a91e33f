// Sign-ins in the files that other programs keep: the `github-copilot` directory of GitHub's editor
// plug-ins (apps.json, hosts.json) and LiteLLM's token directory (access-token, api-key.json).
// Reading, and writing what LiteLLM reads; which file, and whether at all, is decided in
// server/auth. No message repeats a byte of a token.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "protocol/secret.h"
#include "protocol/upstream.h"

namespace jumpseat {

// One entry of apps.json or hosts.json.
struct ForeignSignIn {
  Secret token;      // looks like a GitHub token
  std::string user;  // GitHub login; may be empty
  std::string key;   // the member's name, printable: "github.com:Iv1.b507a08c87ecfe98"
};
struct ForeignSignIns {
  std::vector<ForeignSignIn> found;  // in the file's order
  std::vector<std::string> skipped;  // why an entry of this host cannot be used, each with its key
};

// apps.json and hosts.json: {"HOST" or "HOST:APP": {"user", "oauth_token", …}, …}. An entry belongs
// to `host` when its key is `host`, or begins with `host` and a colon; nothing else is looked at.
// Fails (token_malformed, "it is not JSON …") when the file is no object.
Result<ForeignSignIns> read_copilot_apps(std::string_view text, std::string_view host);

// LiteLLM's api-key.json: GitHub's answer of the token exchange as it came. `token` and
// `expires_at` are needed, as in LiteLLM. Fails with token_malformed and the reason.
Result<CopilotToken> read_litellm_api_key(std::string_view text);

// The same file for LiteLLM to read: what it uses (token, expires_at, endpoints.api) and what else
// is known. `api` is the base that belongs to the token.
Secret write_litellm_api_key(CopilotToken const& token, std::string_view api);

}  // namespace jumpseat
