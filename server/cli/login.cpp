// login and logout. What login has to say goes through LoginVoice: lines for a person, or one JSON
// event per line for a program.

#include <utility>

#include "protocol/json.h"
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

class LoginVoice {
 public:
  LoginVoice(Services services, Terminal& terminal, Output output)
      : services_(services), terminal_(terminal), json_(output == Output::json) {}

  int failed(Error const& error) {
    if (!json_) return report(terminal_, error);
    json::object problem;
    problem["code"] = error.name();
    problem["message"] = log::safe(error.message());
    if (!error.url().empty()) problem["url"] = log::safe(error.url());
    json::object event;
    event["error"] = std::move(problem);
    say("failed", std::move(event));
    return exit_code_of(error);
  }

  void code(SignInPrompt const& prompt) {
    if (json_) {
      json::object event;
      event["verificationUri"] = prompt.verification_uri;
      event["userCode"] = prompt.user_code;
      event["expiresIn"] = prompt.expires_in.count();
      event["interval"] = prompt.interval.count();
      return say("code", std::move(event));
    }
    terminal_.line("To sign in, open  " + terminal_.bold(prompt.verification_uri));
    terminal_.line("and enter the code  " + terminal_.bold(prompt.user_code));
    if (terminal_.lines_change()) {
      services_.background.spawn("count down", count_down(services_.sign_in, terminal_));
    } else {
      terminal_.line("Waiting for the code to be entered, " +
                     minutes_and_seconds(prompt.expires_in) + " left.");
    }
  }

  void already(Result<CopilotUser> const& user) {
    auto const state = services_.tokens.state();
    auto const login = user ? user->login : state.login;
    if (json_) return say("alreadySignedIn", who(login, user));
    terminal_.line("Already signed in" +
                   (login.empty() ? std::string() : " as " + log::safe(login)) + " (" +
                   log::safe(state.source) + ").");
    terminal_.line("`jumpseat login --again` signs in anew, `jumpseat logout` signs out.");
  }

  int refused(Result<CopilotUser> const& user, Error const& why) {
    if (!json_) {
      terminal_.line("Signed in to GitHub as " + name_of(user) +
                     ", but Copilot refuses the account.");
    }
    return failed(why);
  }

  int done(Result<CopilotUser> const& user) {
    auto const& condition = services_.stores.condition();
    auto const state = services_.tokens.state();
    bool const in_use = state.source.starts_with("saved sign-in");
    if (json_) {
      auto event = who(user ? user->login : std::string(), user);
      event["persistent"] = condition.persistent();
      if (!condition.message.empty()) event["storage"] = log::safe(condition.message);
      say("signedIn", std::move(event));
      return condition.persistent() ? exit_code::ok : exit_code::failed;
    }
    terminal_.line(terminal_.green("Signed in") + " as " + terminal_.bold(name_of(user)) +
                   (user && !user->plan.empty() ? " (Copilot plan: " + log::safe(user->plan) + ")"
                                                : std::string()) +
                   ".");
    if (!in_use) {
      terminal_.line("Note: the token from " + log::safe(state.source) +
                     " takes precedence over this sign-in.");
    }
    if (condition.persistent()) return exit_code::ok;
    terminal_.error_line("The sign-in will not survive this process: " +
                         log::safe(condition.message));
    return exit_code::failed;
  }

 private:
  static std::string name_of(Result<CopilotUser> const& user) {
    return user ? log::safe(user->login) : std::string("an account that could not be read");
  }

  json::object who(std::string const& login, Result<CopilotUser> const& user) const {
    json::object event;
    event["login"] = log::safe(login);
    event["source"] = log::safe(services_.tokens.state().source);
    if (user && !user->plan.empty()) event["plan"] = log::safe(user->plan);
    if (auto const& account = services_.loaded.config.account; !account.empty())
      event["account"] = account;
    return event;
  }

  void say(std::string_view name, json::object rest) {
    json::object event;
    event["event"] = name;
    for (auto& member : rest) event[member.key()] = std::move(member.value());
    terminal_.line(json::serialize(event));
  }

  Services services_;
  Terminal& terminal_;
  bool json_;
};

}  // namespace

awaitable<int> run_login(Services services, Terminal& terminal, LoginOptions options) {
  using Existing = LoginOptions::Existing;
  LoginVoice voice(services, terminal, options.output);
  if (options.existing == Existing::borrow) {
    auto allowed = services.tokens.use_existing();
    if (!allowed) co_return voice.failed(allowed.error());
  }
  if (options.existing != Existing::replace) {
    auto access = co_await services.tokens.get();
    if (access) {
      auto user = co_await services.tokens.user();
      voice.already(user);
      co_return exit_code::ok;
    }
    auto const code = access.error().code();
    bool const no_sign_in = code == ErrorCode::not_signed_in || code == ErrorCode::token_rejected ||
                            code == ErrorCode::no_copilot_access || code == ErrorCode::forbidden;
    if (!no_sign_in || options.existing == Existing::borrow) co_return voice.failed(access.error());
    if (code != ErrorCode::not_signed_in) terminal.error_line(log::safe(access.error().message()));
  }

  auto prompt = co_await services.sign_in.start();
  if (!prompt) co_return voice.failed(prompt.error());
  voice.code(*prompt);
  auto outcome = co_await services.sign_in.wait();
  terminal.clear_status();
  if (!outcome) co_return voice.failed(outcome.error());

  auto access = co_await services.tokens.get();
  auto user = co_await services.tokens.user();
  if (!access) co_return voice.refused(user, access.error());
  co_return voice.done(user);
}

awaitable<int> run_logout(Services services, Terminal& terminal) {
  auto removed = co_await services.tokens.sign_out();
  if (!removed) co_return report(terminal, removed.error());
  auto const& account = services.loaded.config.account;
  std::string const which = account.empty() ? "" : " \"" + account + "\"";
  terminal.line(*removed ? "Signed out; the saved sign-in" + which + " is gone from this machine."
                         : "Nobody was signed in" + (account.empty() ? "" : " as" + which) +
                               " on this machine.");
  auto const state = services.tokens.state();
  if (!state.source.empty()) {
    terminal.line("A token from " + log::safe(state.source) + " is still in use; remove it there.");
  } else {
    terminal.line("Sign-ins of other programs are left alone until somebody signs in.");
  }
  co_return exit_code::ok;
}

}  // namespace jumpseat
