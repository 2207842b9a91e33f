#include "server/auth/litellm_directory.h"

#include <optional>
#include <utility>

#include "protocol/foreign_sign_ins.h"
#include "protocol/github_token.h"
#include "server/base/log.h"
#include "storage/private_file.h"

namespace jumpseat {
namespace {

constexpr std::size_t most_bytes_of_token = 4096;
constexpr std::size_t most_bytes_of_key = 64u << 10;

void warn(Result<void> const& done) {
  if (!done) log::failure("auth", done.error());
}

}  // namespace

LiteLlmDirectory::LiteLlmDirectory(Config const& config, Clock const& clock,
                                   std::string default_directory)
    : config_(config), clock_(clock), directory_(config.litellm_token_dir) {
  if (directory_.empty()) directory_ = std::move(default_directory);
}

// As LiteLLM joins them: a name that is a path of its own wins.
std::string LiteLlmDirectory::path_of(std::string const& name) const {
  return name.starts_with('/') ? name : directory_ + "/" + name;
}

Result<std::vector<GitHubSignIn>> LiteLlmDirectory::find(std::vector<PassedOver>& passed_over) {
  std::vector<GitHubSignIn> found;
  std::string const source = "LiteLLM's token directory";
  auto const pass = [&](std::string reason) {
    passed_over.push_back({source, std::move(reason)});
    return found;
  };
  if (!config_.token_places.litellm) return pass("JUMPSEAT_TOKEN_SOURCES leaves it out");
  if (!config_.litellm_enabled) return pass("GITHUB_COPILOT_LITELLM_ENABLED is off");
  if (directory_.empty()) return pass("there is no home directory");
  // Its files do not say who issued them. GitHub did, unless whoever started us named both a
  // simulator and a directory.
  if (config_.litellm_token_dir.empty() && config_.issuer.origin != "https://github.com")
    return pass("its sign-in is github.com's; name a directory of " + config_.issuer.host() +
                " in GITHUB_COPILOT_TOKEN_DIR");

  auto const& name = config_.litellm_access_token_file;
  auto text = read_private_file(path_of(name), most_bytes_of_token);
  if (!text) return pass(name + ": " + text.error().message());
  if (!*text) return pass("there is no " + name);
  auto token = check_github_token((*text)->reveal());
  if (!token) return pass(name + ": " + token.error().message());

  GitHubSignIn sign_in;
  sign_in.ownership = GitHubSignIn::Kind::borrowed;
  sign_in.kind = token_kind(*token);
  sign_in.token = std::move(*token);
  sign_in.source = source;
  // The Copilot token beside it saves an exchange; without a good one there is an exchange.
  if (auto key = read_private_file(path_of(config_.litellm_api_key_file), most_bytes_of_key);
      key && *key) {
    auto copilot = read_litellm_api_key((*key)->reveal());
    if (copilot && copilot->expires_at > clock_.unix_seconds() + 60) {
      log::protect(copilot->token, "copilot-token");
      sign_in.copilot = std::move(*copilot);
    }
  }
  found.push_back(std::move(sign_in));
  return found;
}

bool LiteLlmDirectory::holds(Secret const& github_token) const {
  auto text = read_private_file(path_of(config_.litellm_access_token_file), most_bytes_of_token);
  if (!text || !*text) return false;
  auto token = check_github_token((*text)->reveal());
  return token && *token == github_token;
}

void LiteLlmDirectory::signed_in(Secret const& github_token) {
  if (!shared() || holds(github_token)) return;
  // First away with the other sign-in's Copilot token: LiteLLM does not compare the two.
  warn(remove_private_file(path_of(config_.litellm_api_key_file)));
  warn(write_private_file(path_of(config_.litellm_access_token_file), github_token));
}

void LiteLlmDirectory::exchanged(Secret const& github_token, CopilotToken const& token,
                                 std::string const& api) {
  if (!shared()) return;
  auto const path = path_of(config_.litellm_access_token_file);
  auto text = read_private_file(path, most_bytes_of_token);
  if (text && !*text) {
    warn(write_private_file(path, github_token));
  } else if (!holds(github_token)) {
    return;
  }
  warn(
      write_private_file(path_of(config_.litellm_api_key_file), write_litellm_api_key(token, api)));
}

void LiteLlmDirectory::signed_out(Secret const& github_token) {
  if (!shared() || !holds(github_token)) return;
  warn(remove_private_file(path_of(config_.litellm_api_key_file)));
  warn(remove_private_file(path_of(config_.litellm_access_token_file)));
}

}  // namespace jumpseat
