#include "server/auth/github_cli.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "protocol/github_token.h"
#include "server/base/child_process.h"
#include "server/base/log.h"

namespace jumpseat {
namespace {

constexpr std::chrono::seconds answer_memory{60};
constexpr std::chrono::seconds answer_limit{5};

Error none(std::string reason) { return fail(ErrorCode::config_invalid, std::move(reason)); }

// Why this file is not to be started; empty when it may be.
std::string program_problem(std::string const& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return "it is not there";
  if (!S_ISREG(status.st_mode) || ::access(path.c_str(), X_OK) != 0) return "it is not a program";
  if ((status.st_mode & S_IWOTH) != 0) return "every user of this machine can write it";
  return {};
}

}  // namespace

Result<std::string> GitHubCli::locate(Config const& config, Paths const& paths) {
  if (!config.gh_path.empty()) {
    auto problem = program_problem(config.gh_path);
    if (!problem.empty()) return none("GH_PATH names " + config.gh_path + ", but " + problem);
    return config.gh_path;
  }
  std::string odd;
  for (auto const& directory : paths.program_dirs) {
    auto path = directory + "/gh";
    if (::access(path.c_str(), F_OK) != 0) continue;
    auto problem = program_problem(path);
    if (problem.empty()) return path;
    if (odd.empty()) odd = path + " is not used: " + problem;
  }
  if (!odd.empty()) return none(std::move(odd));
  return none("gh is not installed");
}

bool GitHubCli::pending() const {
  if (!config_.token_places.gh) return false;
  if (answer_ && clock_.elapsed() < answer_->at + answer_memory) return false;
  return locate(config_, paths_).has_value();
}

Result<std::vector<GitHubSignIn>> GitHubCli::find(std::vector<PassedOver>& passed_over) {
  std::vector<GitHubSignIn> found;
  auto const pass = [&](std::string reason) {
    passed_over.push_back({"GitHub CLI", std::move(reason)});
    return found;
  };
  if (!config_.token_places.gh) return pass("JUMPSEAT_TOKEN_SOURCES leaves it out");
  auto program = locate(config_, paths_);
  if (!program) return pass(program.error().message());
  if (!answer_) return pass("it has not been asked yet");
  if (!answer_->token) return pass(answer_->token.error().message());
  GitHubSignIn sign_in;
  sign_in.ownership = GitHubSignIn::Kind::borrowed;
  sign_in.token = *answer_->token;
  sign_in.kind = token_kind(sign_in.token);
  sign_in.source = "GitHub CLI";
  found.push_back(std::move(sign_in));
  return found;
}

awaitable<> GitHubCli::ask() {
  auto program = locate(config_, paths_);
  if (!program) co_return;
  ChildCommand command;
  command.program = *program;
  command.arguments = {"auth", "token", "--hostname", config_.issuer.host()};
  for (auto const& variable : paths_.child_environment) {
    bool const replaced = variable.starts_with("GH_CONFIG_DIR=") && !config_.gh_config_dir.empty();
    if (!replaced) command.environment.push_back(variable);
  }
  if (!config_.gh_config_dir.empty())
    command.environment.push_back("GH_CONFIG_DIR=" + config_.gh_config_dir);
  for (char const* quiet : {"GH_PROMPT_DISABLED=1", "GH_NO_UPDATE_NOTIFIER=1", "NO_COLOR=1"})
    command.environment.emplace_back(quiet);
  command.limit = answer_limit;

  auto said = co_await ask_program(std::move(command));
  Result<Secret> token = none("it has no sign-in for " + config_.issuer.host());
  if (!said) {
    token = said.error();
  } else if (said->exit_code == 0) {
    token = check_github_token(said->output.reveal());
  } else if (said->exit_code != 1) {
    token = none("`gh auth token` ended with " + std::to_string(said->exit_code));
  }
  if (token) log::protect(*token, "github-token");
  answer_.emplace(Answer{std::move(token), clock_.elapsed()});
}

}  // namespace jumpseat
