// Sign-ins and the tokens that came with them. A sign-in is bound to the issuer that gave it
// ("https://github.com", a tenant, a simulator's origin) and is found under no other. Only remove()
// deletes a sign-in, and only a person's sign-out calls it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/github_token.h"
#include "protocol/result.h"
#include "protocol/secret.h"

namespace jumpseat {

class Database;

struct Account {
  std::int64_t id = 0;
  std::string issuer;           // Issuer::origin
  std::string name;             // the account's name on this machine; "default" when none was given
  std::string login;            // GitHub login; may be empty until the user call succeeded
  Secret github_token;          // empty when the desktop's keyring has it
  bool in_keyring = false;      // under the same issuer and name
  std::int64_t created_at = 0;  // Unix seconds
  TokenRoute route = TokenRoute::unknown;
};

struct StoredCopilotToken {
  Secret token;                  // empty: the GitHub token itself is the bearer (route direct)
  std::int64_t received_at = 0;  // Unix seconds by our clock
  std::int64_t expires_at = 0;   // Unix seconds by GitHub's clock
  std::int64_t refresh_in = 0;   // seconds from receipt
  std::string api;               // the API base that belongs to this token
  std::string sku;
  std::string proxy;  // the base of the inline completions; empty when GitHub named none
};

class AccountStore {
 public:
  explicit AccountStore(Database& database) : database_(&database) {}

  Result<std::optional<Account>> find(std::string_view issuer, std::string_view name) const;
  // By name.
  Result<std::vector<Account>> list(std::string_view issuer) const;
  // Of every issuer.
  Result<std::vector<Account>> list() const;
  // Inserts or replaces the sign-in of (issuer, name) in one durable transaction
  // (synchronous=FULL), with its old Copilot token forgotten. Returns it with its id.
  Result<Account> save(Account account);
  Result<void> set_login(std::int64_t id, std::string_view login);
  // What was learnt about how its token gets to Copilot.
  Result<void> set_route(std::int64_t id, TokenRoute route);
  // True when there was one. Its Copilot token and model list go with it.
  Result<bool> remove(std::string_view issuer, std::string_view name);

  // Sign-ins that another program keeps: a row for what is known about them, under a fingerprint of
  // their token, never the token. save_borrowed() returns the row that is there already, if any,
  // and drops the rows that nobody has used for 30 days.
  Result<std::optional<Account>> find_borrowed(std::string_view issuer,
                                               std::string_view fingerprint) const;
  Result<Account> save_borrowed(std::string_view issuer, std::string_view fingerprint,
                                std::int64_t now_unix);
  // A person has signed out at `issuer`: what is known about borrowed sign-ins goes, and
  // signed_out() is true until the next save() or allow_borrowing().
  Result<void> forbid_borrowing(std::string_view issuer, std::int64_t now_unix);
  Result<void> allow_borrowing(std::string_view issuer);
  Result<bool> signed_out(std::string_view issuer) const;

  Result<std::optional<StoredCopilotToken>> copilot_token(std::int64_t account) const;
  Result<void> save_copilot_token(std::int64_t account, StoredCopilotToken const& token);
  // Only if it still is this one: another process may have stored a newer one meanwhile.
  Result<void> forget_copilot_token(std::int64_t account, Secret const& token);

 private:
  Database* database_;
};

}  // namespace jumpseat
