#include <cmath>
#include <utility>

#include "protocol/json.h"
#include "protocol/methods.h"
#include "server/base/exit_code.h"
#include "server/base/log.h"
#include "server/base/version.h"
#include "server/cli/commands.h"

namespace jumpseat {
namespace {

std::string quota_text(Quota const& quota) {
  if (quota.unlimited) return "unlimited";
  auto const percent =
      std::to_string(static_cast<int>(std::lround(quota.percent_remaining))) + " % left";
  if (quota.entitlement <= 0) return percent;
  return percent + " (" + std::to_string(static_cast<long long>(quota.remaining)) + " of " +
         std::to_string(static_cast<long long>(quota.entitlement)) + ")";
}

json::object as_json(SignInState const& state, Result<CopilotUser> const& user,
                     std::vector<Account> const& saved,
                     std::optional<TokenService::KeyringNote> const& keyring,
                     Services const& services) {
  json::object out;
  out["version"] = version;
  out["state"] = name_of(state.kind);
  if (!state.login.empty()) out["login"] = state.login;
  if (!state.source.empty()) out["source"] = state.source;
  if (!state.token_kind.empty()) out["tokenKind"] = state.token_kind;
  if (state.problem) {
    json::object problem;
    problem["code"] = state.problem->name();
    problem["message"] = log::safe(state.problem->message());
    if (!state.problem->url().empty()) problem["url"] = state.problem->url();
    out["problem"] = std::move(problem);
  }
  if (state.borrowed) out["borrowed"] = true;
  if (auto route = route_text(state.route); !route.empty()) out["route"] = route;
  if (state.token_left) out["copilotTokenSecondsLeft"] = state.token_left->count();
  json::array accounts;
  for (auto const& account : saved) {
    json::object row;
    row["name"] = account.name;
    if (!account.login.empty()) row["login"] = account.login;
    accounts.push_back(std::move(row));
  }
  out["accounts"] = std::move(accounts);
  if (auto const& name = services.loaded.config.account; !name.empty()) out["account"] = name;
  json::array passed;
  for (auto const& source : state.passed_over) {
    json::object row;
    row["source"] = source.source;
    row["reason"] = log::safe(source.reason);
    passed.push_back(std::move(row));
  }
  out["passedOver"] = std::move(passed);
  if (user) {
    out["plan"] = user->plan;
    out["sku"] = user->sku;
    if (!user->reset_date.empty()) out["quotaResetDate"] = user->reset_date;
    json::array quotas;
    for (auto const& quota : user->quotas) quotas.push_back(encode(account_quota(quota)));
    out["quotas"] = std::move(quotas);
  }
  json::object storage;
  storage["path"] = services.stores.path();
  storage["persistent"] = services.stores.condition().persistent();
  if (!services.stores.condition().message.empty())
    storage["message"] = services.stores.condition().message;
  if (keyring) storage["keyring"] = log::safe(keyring->text);
  out["storage"] = std::move(storage);
  return out;
}

}  // namespace

awaitable<int> run_status(Services services, Terminal& terminal, Output output) {
  auto access = co_await services.tokens.get();
  Result<CopilotUser> user = fail(ErrorCode::not_signed_in, "");
  if (services.tokens.sign_in()) user = co_await services.tokens.user();
  auto const state = services.tokens.state();
  std::vector<Account> saved;
  if (auto accounts = services.tokens.accounts()) saved = std::move(*accounts);
  auto const keyring = co_await services.tokens.keyring_note();
  int const code = access ? exit_code::ok : exit_code_of(access.error());
  if (output == Output::json) {
    terminal.line(json::serialize(as_json(state, user, saved, keyring, services)));
    co_return code;
  }

  std::vector<std::vector<std::string>> rows;
  auto const who =
      state.login.empty() ? std::string("signed in") : "signed in as " + log::safe(state.login);
  switch (state.kind) {
    case SignInState::Kind::ready:
      rows.push_back({"Copilot", terminal.green("ready") + ", " + who});
      break;
    case SignInState::Kind::unverified:
      rows.push_back({"Copilot", who + ", not asked yet"});
      break;
    case SignInState::Kind::signed_out:
      rows.push_back({"Copilot", terminal.red("signed out")});
      break;
    case SignInState::Kind::refused:
    case SignInState::Kind::unreachable:
    case SignInState::Kind::disabled:
      rows.push_back({"Copilot", terminal.red(std::string(name_of(state.kind))) + ": " +
                                     log::safe(state.problem->message())});
      if (!state.problem->url().empty()) rows.push_back({"", log::safe(state.problem->url())});
      break;
  }
  if (!state.source.empty())
    rows.push_back({"Token", log::safe(state.source) + ", " + state.token_kind +
                                 (state.borrowed ? ", kept by another program" : "")});
  for (auto const& source : state.passed_over) {
    rows.push_back({"Passed over", log::safe(source.source) + ": " + log::safe(source.reason)});
  }
  if (user) {
    rows.push_back({"Plan", log::safe(user->plan) +
                                (user->sku.empty() ? "" : " (" + log::safe(user->sku) + ")")});
    for (auto const& quota : user->quotas)
      rows.push_back({"Quota", log::safe(quota.name) + ": " + quota_text(quota)});
    if (!user->reset_date.empty()) rows.push_back({"", "resets " + log::safe(user->reset_date)});
  }
  if (state.token_left)
    rows.push_back({"Copilot token",
                    std::to_string(state.token_left->count()) + " s left, refreshed by itself"});
  if (state.route == TokenRoute::direct && state.kind == SignInState::Kind::ready)
    rows.push_back({"Copilot token", "none: Copilot takes the GitHub token itself"});
  // One unnamed sign-in needs no list.
  if (saved.size() > 1 || (saved.size() == 1 && saved.front().name != default_account)) {
    for (auto const& account : saved) {
      rows.push_back({"Account", account.name + (account.login.empty()
                                                     ? std::string()
                                                     : " (" + log::safe(account.login) + ")")});
    }
  }
  auto const& condition = services.stores.condition();
  rows.push_back(
      {"Storage", services.stores.path() +
                      (condition.message.empty() ? "" : ": " + log::safe(condition.message))});
  if (keyring) rows.push_back({"Keyring", log::safe(keyring->text)});
  terminal.print(table(rows));
  if (state.kind == SignInState::Kind::signed_out) {
    terminal.line();
    terminal.line(
        "To sign in: `jumpseat login`, or your editor's Copilot sign-in, or `gh auth login`, or "
        "set "
        "GITHUB_TOKEN.");
  }
  co_return code;
}

}  // namespace jumpseat
