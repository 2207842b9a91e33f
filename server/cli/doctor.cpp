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

std::string network_advice(Error const& error) {
  auto const code = error.code();
  if (code == ErrorCode::dns_failed) return "Check the network connection and the name server.";
  if (code == ErrorCode::tls_failed) {
    return "If a proxy on your network signs certificates itself, put its CA into the system's "
           "trust or name it "
           "with SSL_CERT_FILE. Checks cannot be switched off.";
  }
  if (code == ErrorCode::proxy_failed) return "Check the proxy setting that is named above.";
  return "Check the network connection, a firewall, and whether a proxy (HTTPS_PROXY) is needed.";
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

  // Any answer will do: it shows that the way there is open and the certificate good.
  HttpRequest probe("GET", config.issuer.user.origin() + "/");
  probe.headers = {{"User-Agent", config.identity.user_agent}};
  probe.timeouts.first_byte = std::chrono::seconds(15);
  auto reached = co_await services.http.send(std::move(probe));
  if (!reached && reached.error().code() != ErrorCode::unexpected_redirect) {
    auto const advice = network_advice(reached.error());
    co_return steps.bad("network and TLS", reached.error(), advice);
  }
  steps.good("network and TLS", config.issuer.user.host + " answers");

  auto who = services.tokens.sign_in();
  for (auto const& source : services.tokens.state().passed_over) {
    steps.note("sign-in", source.source + ": " + source.reason);
  }
  if (!who) co_return steps.bad("sign-in", who.error(), "");
  auto const state = services.tokens.state();
  steps.good("sign-in", state.source + ", " + state.token_kind);

  auto access = co_await services.tokens.get();
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
  steps.good("exchange", account + "; Copilot is at " + access->api.host);

  auto list = co_await services.catalog.refresh();
  if (!list) co_return steps.bad("models", list.error(), "");
  std::string models = std::to_string((*list)->models.size()) + " models";
  if ((*list)->dropped > 0)
    models += ", " + std::to_string((*list)->dropped) + " entries could not be read";
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
  terminal.line("Everything works.");
  co_return exit_code::ok;
}

}  // namespace jumpseat
