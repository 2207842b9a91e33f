// Where a GitHub token may come from, best first, with the reason why each better source was passed
// over. A new kind of source is a class here and a line where the sources are put in order
// (server/app.cpp). Other programs' files are read, never written, moved or deleted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/github_token.h"
#include "protocol/result.h"
#include "protocol/secret.h"
#include "protocol/upstream.h"
#include "server/auth/keyring.h"
#include "server/auth/stores.h"
#include "server/base/asio.h"
#include "server/base/config.h"

namespace jumpseat {

// A GitHub token that looks right. Whether Copilot takes it is known after the exchange.
struct GitHubSignIn {
  // Whose it is. A given token that Copilot refuses is an error, so is a saved one: the person
  // chose it. A borrowed one that is refused is passed over.
  enum class Kind { given, saved, borrowed };

  GitHubSignIn() = default;
  Secret token;
  Kind ownership = Kind::given;
  TokenKind kind = TokenKind::oauth;
  std::string source;                   // "environment GITHUB_TOKEN", "saved sign-in"
  std::string login;                    // empty when not known yet
  std::string name;                     // of a saved one: the account's
  std::optional<std::int64_t> account;  // the row in our own store with what is known about it
  TokenRoute route = TokenRoute::unknown;
  // A Copilot token that came with it, GitHub's expires_at being all that is known of its age.
  std::optional<CopilotToken> copilot;
};

struct PassedOver {
  std::string source;
  std::string reason;
};

class TokenSource {
 public:
  TokenSource() = default;
  TokenSource(TokenSource const&) = delete;
  TokenSource& operator=(TokenSource const&) = delete;
  virtual ~TokenSource() = default;
  // Its sign-ins, best first; with none, or for those that cannot be used, the reason is added to
  // `passed_over`. Does not wait. An error ends the search: what was given explicitly and is wrong
  // is not skipped.
  virtual Result<std::vector<GitHubSignIn>> find(std::vector<PassedOver>& passed_over) = 0;
  // True for sign-ins that another program keeps.
  virtual bool borrows() const { return false; }
  // True while find() cannot know yet: another program has to be asked first.
  virtual bool pending() const { return false; }
  // Asks it. Ends in a few seconds, however the other program behaves.
  virtual awaitable<> ask();
};

// Tokens of the command line, the environment and the env files, in their order of precedence.
class ExplicitTokens final : public TokenSource {
 public:
  explicit ExplicitTokens(Config const& config) : config_(config) {}
  Result<std::vector<GitHubSignIn>> find(std::vector<PassedOver>& passed_over) override;

 private:
  Config const& config_;
  std::vector<std::string> warned_;  // sources; a person is told once
};

// The sign-in that the device flow left in our store under the account's name. Its token may be in
// the desktop's keyring, which has to be asked once; when that fails, it is an error: another
// account would be a silent switch.
class SavedSignIn final : public TokenSource {
 public:
  SavedSignIn(Stores& stores, Config const& config, Keyring* keyring = nullptr)
      : stores_(stores), config_(config), keyring_(keyring) {}
  Result<std::vector<GitHubSignIn>> find(std::vector<PassedOver>& passed_over) override;
  bool pending() const override { return to_ask_.has_value(); }
  awaitable<> ask() override;

 private:
  Result<Secret> token_of(Account const& account);

  Stores& stores_;
  Config const& config_;
  Keyring* keyring_;
  std::optional<std::int64_t> to_ask_;  // the account whose token only the keyring knows
  std::optional<Error> refusal_;        // what the keyring said the last time
};

// apps.json and hosts.json in the github-copilot directory, which GitHub's editor plug-ins share.
class CopilotPluginFiles final : public TokenSource {
 public:
  CopilotPluginFiles(Config const& config, std::string directory)
      : config_(config), directory_(std::move(directory)) {}
  Result<std::vector<GitHubSignIn>> find(std::vector<PassedOver>& passed_over) override;
  bool borrows() const override { return true; }

 private:
  void read(std::string const& name, std::vector<GitHubSignIn>& found,
            std::vector<PassedOver>& passed_over) const;

  Config const& config_;
  std::string directory_;
};

class TokenSources {
 public:
  void add(std::unique_ptr<TokenSource> source) { sources_.push_back(std::move(source)); }
  // Why other programs' sign-ins are to be left alone; empty: they are not. Without it they are
  // looked at.
  void set_borrowing(std::function<std::string()> why_not) { why_not_ = std::move(why_not); }

  struct Found {
    std::vector<GitHubSignIn> sign_ins;  // best first
    std::vector<PassedOver> passed_over;
    bool pending = false;  // ask() may find more
  };
  // Stops at the first given or saved sign-in: other programs' files are then not even opened.
  // Fails with what an explicit source said; Found without a sign-in means there is none anywhere.
  Result<Found> find();
  // Every sign-in there is, whether or not there is a better one. Asks who has to be asked.
  awaitable<std::vector<GitHubSignIn>> all();
  // Asks the sources that are pending; those behind one of our own only when it has nothing.
  awaitable<> ask();

 private:
  std::vector<std::unique_ptr<TokenSource>> sources_;
  std::function<std::string()> why_not_;
};

// For set_borrowing(): an account was asked for by name, a person has signed out on this machine,
// or there are saved sign-ins to choose from. In each case another account would be a silent
// switch.
std::string why_not_borrow(Stores& stores, Config const& config);

// The name of the sign-in that has none.
inline constexpr std::string_view default_account = "default";
inline std::string account_name(Config const& config) {
  return config.account.empty() ? std::string(default_account) : config.account;
}

}  // namespace jumpseat
