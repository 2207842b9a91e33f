#include <cstdint>
#include <utility>

#include "protocol/json.h"
#include "server/base/exit_code.h"
#include "server/base/log.h"
#include "server/base/version.h"
#include "server/cli/commands.h"

namespace jumpseat {
namespace {

class Steps {
 public:
  explicit Steps(Terminal& terminal) : terminal_(terminal) {}

  void good(std::string_view step, std::string const& what) {
    terminal_.line(terminal_.green("ok    ") + std::string(step) + ": " + log::safe(what));
  }
  void note(std::string_view step, std::string const& what) {
    terminal_.line(terminal_.bold("note  ") + std::string(step) + ": " + log::safe(what));
  }
  int bad(std::string_view step, Error const& error, std::string const& advice) {
    terminal_.line(terminal_.red("FAIL  ") + std::string(step) + ": " + log::safe(error.message()));
    if (!error.url().empty()) terminal_.line("      " + log::safe(error.url()));
    if (!advice.empty()) terminal_.line("      " + advice);
    return exit_code_of(error);
  }

 private:
  Terminal& terminal_;
};

// The clock matters where certificates and expiry are judged. GitHub's own is in every answer.
std::string clock_note(HttpResponse const& reply, std::int64_t now) {
  auto const theirs = parse_http_date(reply.headers.get("date"), now);
  if (!theirs) return {};
  auto const ahead = now - *theirs;
  if (ahead > -120 && ahead < 120) return {};
  return "this machine's clock is " + std::to_string(ahead < 0 ? -ahead : ahead) + " s " +
         (ahead < 0 ? "behind" : "ahead of") + " GitHub's. Set it: certificates are judged by it.";
}

std::string count_of(std::size_t number, std::string_view one, std::string_view more) {
  return std::to_string(number) + " " + std::string(number == 1 ? one : more);
}

}  // namespace

awaitable<int> run_doctor(Services services, Terminal& terminal) {
  Steps steps(terminal);
  auto const& config = services.loaded.config;
  terminal.line("jumpseat " + std::string(version) + ", " + config.issuer.origin);

  for (auto const& warning : services.loaded.warnings) steps.note("configuration", warning);
  if (!services.loaded.problems.empty()) {
    int code = exit_code::configuration;
    for (auto const& problem : services.loaded.problems)
      code = steps.bad("configuration", problem, "");
    terminal.line("      `jumpseat config` shows every value and where it comes from.");
    co_return code;
  }
  std::string proxy =
      config.proxy.origin.empty() ? "no proxy" : "proxy from " + config.proxy.origin;
  steps.good("configuration", "no problems, " + proxy);

  auto const& condition = services.stores.condition();
  if (condition.message.empty()) {
    steps.good("storage", services.stores.path());
  } else {
    steps.note("storage", condition.message);
  }
  bool sound = condition.message.empty();

  if (auto const keyring = co_await services.tokens.keyring_note()) {
    if (keyring->kind == TokenService::KeyringNote::Kind::in_use) {
      steps.good("keyring", keyring->text);
    } else {
      steps.note("keyring", keyring->text);
      sound = false;
    }
  }

  // Any answer will do: it shows that the way there is open and the certificate good.
  Url root = config.issuer.user;
  root.target = "/";
  HttpRequest probe("GET", std::move(root));
  probe.headers.add("User-Agent", config.identity.user_agent);
  probe.timeouts.first_byte = std::chrono::seconds(15);
  auto reached = co_await services.http.send(std::move(probe));
  if (!reached && reached.error().code() != ErrorCode::unexpected_redirect)
    co_return steps.bad("network and TLS", reached.error(), "");
  steps.good("network and TLS", config.issuer.user.host + " answers");
  if (reached) {
    auto const note = clock_note(*reached, services.clock.unix_seconds());
    if (!note.empty()) {
      steps.note("clock", note);
      sound = false;
    }
  }

  // Asks every source, the GitHub CLI included, until Copilot takes a sign-in.
  auto access = co_await services.tokens.get();
  auto const state = services.tokens.state();
  for (auto const& source : state.passed_over)
    steps.note("sign-in", source.source + ": " + source.reason);
  if (!access && state.source.empty()) co_return steps.bad("sign-in", access.error(), "");
  std::string who = state.source + ", " + state.token_kind;
  if (state.borrowed) who += ", kept by another program";
  steps.good("sign-in", who);
  if (!access) {
    std::string const advice = access.error().code() == ErrorCode::token_rejected
                                   ? "The token was revoked or is of the wrong kind. `jumpseat "
                                     "login --again` gets a new one."
                                   : "";
    co_return steps.bad("exchange", access.error(), advice);
  }
  auto user = co_await services.tokens.user();
  std::string const account =
      user ? user->login + ", plan " + user->plan : "account unreadable: " + user.error().message();
  std::string const way = state.route == TokenRoute::direct ? "; used as it is" : "";
  steps.good("exchange", account + "; Copilot is at " + (*access)->api.host + way);

  auto list = co_await services.catalog.refresh();
  if (!list) co_return steps.bad("models", list.error(), "");
  auto models = count_of((*list)->models.size(), "model", "models");
  if ((*list)->dropped > 0)
    models += ", " + count_of((*list)->dropped, "entry", "entries") + " could not be read";
  steps.good("models", models);
  auto model = co_await services.catalog.resolve("");
  if (!model) {
    co_return steps.bad("models", model.error(),
                        "Set GITHUB_COPILOT_MODEL to a model of the list (`jumpseat models`).");
  }

  // The small model: on most plans it costs nothing.
  std::string body =
      R"({"model":"gpt-3.5-turbo","max_tokens":16,"stream":true,"messages":[{"role":"user","content":"Say hi."}]})";
  auto request = ChatRequest::parse(std::move(body));
  if (!request) co_return steps.bad("chat", request.error(), "");
  auto stream = co_await services.chat.start(std::move(*request));
  if (!stream) co_return steps.bad("chat", stream.error(), "");
  while (true) {
    auto chunks = co_await (*stream)->next();
    if (!chunks) co_return steps.bad("chat", chunks.error(), "");
    if ((*chunks)->empty()) break;
  }
  steps.good("chat", "an answer came from " + ((*stream)->upstream_model().empty()
                                                   ? std::string("Copilot")
                                                   : (*stream)->upstream_model()));
  terminal.line();
  terminal.line(sound ? "Everything works." : "Copilot works. The notes above say what does not.");
  co_return exit_code::ok;
}

}  // namespace jumpseat
