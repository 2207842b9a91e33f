// Configuration: where each value comes from, what it means, and what to say when it is wrong.
//
// Sources, highest first: command line, process environment, .github.env then .env in the current
// directory (commands that a person starts in a terminal; never the stdio server) or the file named
// by
// --env-file instead of both, the user's config.env, defaults. Every value keeps its origin.
//
// To add a setting: its row in the table in config.cpp, its member in Config with the line that
// fills it, its row in docs/configuration.md and its line in docs/examples/example.github.env.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/identity.h"
#include "protocol/json.h"
#include "protocol/result.h"
#include "protocol/secret.h"
#include "protocol/url.h"
#include "server/base/environment.h"
#include "server/base/log.h"
#include "server/base/paths.h"

namespace jumpseat {

// Where a value came from.
struct Origin {
  enum class Kind {
    unset,
    built_in,
    user_file,
    directory_file,
    env_file,
    environment,
    command_line,
    client  // the editor, over the protocol
  };
  Kind kind = Kind::unset;
  std::string file;  // for the file kinds
  std::size_t line = 0;
  // "environment", ".github.env:3", "default", …
  std::string text() const;
};

// One effective value, as `jumpseat config` shows it.
struct Setting {
  std::string key;
  std::string value;  // masked for secrets: "<set>"
  Origin origin;
  bool secret = false;
};

// A token that was given explicitly, not yet judged: that happens when a sign-in is needed.
struct ExplicitToken {
  std::string key;  // "GITHUB_TOKEN", or "--token-stdin"
  Secret value;
  Origin origin;
};

struct ProxyConfig {
  Secret https_proxy;  // may hold a password
  Secret http_proxy;
  std::string no_proxy;
  std::string origin;  // for messages: "environment HTTPS_PROXY"
};

struct Config {
  bool enabled = true;  // GITHUB_COPILOT_ENABLED
  std::string proxy_type = "github_copilot";
  bool litellm_enabled = true;
  std::string default_model = "copilot-gpt-4";
  std::map<std::string, std::string> model_map;  // GITHUB_COPILOT_<NAME>_MODEL: NAME -> id
  Issuer issuer;         // from GITHUB_COPILOT_ENDPOINT and the URL overrides
  std::string api_base;  // GITHUB_COPILOT_API_BASE; empty: learnt
  std::string host = "localhost";
  std::uint16_t port = 8080;
  Secret api_key;                            // JUMPSEAT_API_KEY: what clients of the port must show
  bool allow_remote = false;                 // JUMPSEAT_ALLOW_REMOTE, --allow-remote
  std::size_t max_connections = 1000;        // JUMPSEAT_MAX_CONNECTIONS
  std::vector<std::string> allowed_origins;  // JUMPSEAT_ALLOWED_ORIGINS: web pages that may
  std::chrono::seconds request_timeout{300};
  int max_retries = 3;
  log::Level log_level = log::Level::info;
  std::int64_t max_tokens_limit = 8192;
  int requests_per_minute = 0;  // JUMPSEAT_RPM; 0: no limit
  int concurrency = 0;          // JUMPSEAT_CONCURRENCY; 0: no limit
  int queue = 64;               // JUMPSEAT_QUEUE: calls that wait for one of these
  bool cache = false;           // JUMPSEAT_CACHE
  std::chrono::seconds cache_age{86'400};
  std::int64_t cache_bytes = 64ll << 20;
  ClientIdentity identity;
  std::string litellm_token_dir;  // LiteLLM's file names, for its token directory
  std::string litellm_access_token_file = "access-token";
  std::string litellm_api_key_file = "api-key.json";
  bool litellm_shared = false;        // GITHUB_COPILOT_TOKEN_DIR was set: we keep it up to date
  std::vector<ExplicitToken> tokens;  // in the order of precedence
  // Which sign-ins may be looked for beside explicit tokens (JUMPSEAT_TOKEN_SOURCES).
  struct TokenPlaces {
    bool saved = true;
    bool litellm = true;
    bool github_copilot = true;
    bool gh = true;
  } token_places;
  bool keyring = false;       // JUMPSEAT_KEYRING: the desktop's keyring keeps the tokens
  std::string account;        // JUMPSEAT_ACCOUNT, --account; empty: the unnamed one
  Origin account_origin;      // for messages
  std::string gh_path;        // GH_PATH; empty: gh is looked for in PATH
  std::string gh_config_dir;  // GH_CONFIG_DIR; empty: gh's own choice
  ProxyConfig proxy;
  std::string ca_file;  // SSL_CERT_FILE, CURL_CA_BUNDLE
  std::string ca_path;  // SSL_CERT_DIR
};

// What loading found.
struct LoadedConfig {
  Config config;                      // a wrong value leaves its default here
  std::vector<Setting> settings;      // every known key, in the table's order
  std::vector<Error> problems;        // each names key, origin and what is accepted; do not go on
  std::vector<std::string> warnings;  // each a sentence; go on
};

struct ConfigSources {
  std::map<std::string, std::string, std::less<>> command_line;  // key -> value
  Environment environment;
  // Read .github.env and .env in this directory; empty: do not (the stdio server).
  std::string directory;
  // Read this file instead of both; empty: do not.
  std::string env_file;
  std::string user_file;  // config.env; empty: none
};

LoadedConfig load_config(ConfigSources const& sources);

// A name for a sign-in of one's own: 1 to 64 of [A-Za-z0-9._@-]. Fails with config_invalid.
Result<std::string> check_account_name(std::string_view name);

// "{"settings":[{"key","value","origin"}…],"problems":[…],"warnings":[…]}", secrets masked.
json::object config_json(LoadedConfig const& loaded);

}  // namespace jumpseat
