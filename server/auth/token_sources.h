// Where a GitHub token may come from, best first, with the reason why each better source was passed
// over. A new kind of source is a class here and a line where the sources are put in order
// (server/app.cpp).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/github_token.h"
#include "protocol/result.h"
#include "protocol/secret.h"
#include "server/auth/stores.h"
#include "server/base/config.h"

namespace jumpseat {

// A GitHub token that looks right. Whether Copilot takes it is known after the exchange.
struct GitHubSignIn {
  Secret token;
  TokenKind kind = TokenKind::oauth;
  std::string source;                   // "environment GITHUB_TOKEN", "saved sign-in"
  std::string login;                    // empty when not known yet
  std::optional<std::int64_t> account;  // the row in our own store, when it comes from there
};

struct PassedOver {
  std::string source;
  std::string reason;
};

class TokenSource {
 public:
  virtual ~TokenSource() = default;
  // A sign-in, or nothing with the reason added to `passed_over`. An error ends the search: what
  // was given explicitly and is wrong is not skipped.
  virtual Result<std::optional<GitHubSignIn>> find(std::vector<PassedOver>& passed_over) = 0;
};

// Tokens of the command line, the environment and the env files, in their order of precedence.
class ExplicitTokens final : public TokenSource {
 public:
  explicit ExplicitTokens(Config const& config) : config_(config) {}
  Result<std::optional<GitHubSignIn>> find(std::vector<PassedOver>& passed_over) override;

 private:
  Config const& config_;
};

// The sign-in that the device flow left in our store.
class SavedSignIn final : public TokenSource {
 public:
  SavedSignIn(Stores& stores, std::string issuer) : stores_(stores), issuer_(std::move(issuer)) {}
  Result<std::optional<GitHubSignIn>> find(std::vector<PassedOver>& passed_over) override;

 private:
  Stores& stores_;
  std::string issuer_;
};

class TokenSources {
 public:
  void add(std::unique_ptr<TokenSource> source) { sources_.push_back(std::move(source)); }

  struct Found {
    std::optional<GitHubSignIn> sign_in;
    std::vector<PassedOver> passed_over;
  };
  // Fails with what an explicit source said; Found without a sign-in means there is none anywhere.
  Result<Found> find();

 private:
  std::vector<std::unique_ptr<TokenSource>> sources_;
};

// The name under which the one sign-in per issuer is saved.
inline constexpr std::string_view default_account = "default";

}  // namespace jumpseat
