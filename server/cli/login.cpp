// login and logout.

#include <utility>

#include "server/base/deadline.h"
#include "server/base/exit_code.h"
#include "server/base/log.h"
#include "server/cli/commands.h"

namespace jumpseat {
namespace {

std::string minutes_and_seconds(std::chrono::seconds left) {
  auto const seconds = left.count() % 60;
  return std::to_string(left.count() / 60) + ":" + (seconds < 10 ? "0" : "") +
         std::to_string(seconds);
}

awaitable<> count_down(SignIn& sign_in, Terminal& terminal) {
  while (sign_in.pending()) {
    auto const& trouble = sign_in.trouble();
    terminal.status("Waiting for the code to be entered, " + minutes_and_seconds(sign_in.left()) +
                    " left." +
                    (trouble.empty() ? "" : "  (" + log::safe(trouble).substr(0, 100) + ")"));
    co_await sleep_for(std::chrono::seconds(1));
  }
}

awaitable<int> already_signed_in(Services services, Terminal& terminal) {
  auto const state = services.tokens.state();
  auto user = co_await services.tokens.user();
  auto const login = user ? user->login : state.login;
  terminal.line("Already signed in" + (login.empty() ? std::string() : " as " + log::safe(login)) +
                " (" + log::safe(state.source) + ").");
  terminal.line("`jumpseat login --again` signs in anew, `jumpseat logout` signs out.");
  co_return exit_code::ok;
}

}  // namespace

awaitable<int> run_login(Services services, Terminal& terminal, LoginOptions options) {
  if (options.existing == LoginOptions::Existing::keep) {
    auto access = co_await services.tokens.get();
    if (access) co_return co_await already_signed_in(services, terminal);
    auto const code = access.error().code();
    bool const no_sign_in = code == ErrorCode::not_signed_in || code == ErrorCode::token_rejected ||
                            code == ErrorCode::no_copilot_access || code == ErrorCode::forbidden;
    if (!no_sign_in) co_return report(terminal, access.error());
    if (code != ErrorCode::not_signed_in) terminal.error_line(log::safe(access.error().message()));
  }

  auto prompt = co_await services.sign_in.start();
  if (!prompt) co_return report(terminal, prompt.error());
  terminal.line("To sign in, open  " + terminal.bold(prompt->verification_uri));
  terminal.line("and enter the code  " + terminal.bold(prompt->user_code));
  if (terminal.lines_change()) {
    services.background.spawn("count down", count_down(services.sign_in, terminal));
  } else {
    terminal.line("Waiting for the code to be entered, " + minutes_and_seconds(prompt->expires_in) +
                  " left.");
  }
  auto outcome = co_await services.sign_in.wait();
  terminal.clear_status();
  if (!outcome) co_return report(terminal, outcome.error());

  auto access = co_await services.tokens.get();
  auto user = co_await services.tokens.user();
  auto const name =
      user ? log::safe(user->login) : std::string("an account that could not be read");
  if (!access) {
    terminal.line("Signed in to GitHub as " + name + ", but Copilot refuses the account.");
    co_return report(terminal, access.error());
  }
  terminal.line(terminal.green("Signed in") + " as " + terminal.bold(name) +
                (user && !user->plan.empty() ? " (Copilot plan: " + log::safe(user->plan) + ")"
                                             : std::string()) +
                ".");
  auto const state = services.tokens.state();
  if (state.source != "saved sign-in") {
    terminal.line("Note: the token from " + log::safe(state.source) +
                  " takes precedence over this sign-in.");
  }
  auto const& condition = services.stores.condition();
  if (!condition.persistent()) {
    terminal.error_line("The sign-in will not survive this process: " +
                        log::safe(condition.message));
    co_return exit_code::failed;
  }
  co_return exit_code::ok;
}

awaitable<int> run_logout(Services services, Terminal& terminal) {
  auto removed = services.tokens.sign_out();
  if (!removed) co_return report(terminal, removed.error());
  terminal.line(*removed ? "Signed out; the saved sign-in is gone from this machine."
                         : "Nobody was signed in on this machine.");
  auto const state = services.tokens.state();
  if (!state.source.empty()) {
    terminal.line("A token from " + log::safe(state.source) + " is still in use; remove it there.");
  }
  co_return exit_code::ok;
}

}  // namespace jumpseat
