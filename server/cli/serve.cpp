#include <cstdio>
#include <string>
#include <utility>

#include "server/base/exit_code.h"
#include "server/base/log.h"
#include "server/cli/commands.h"

namespace jumpseat {
namespace {

std::string time_text(std::chrono::microseconds duration) {
  char text[32];
  auto const milliseconds = static_cast<double>(duration.count()) / 1000;
  if (milliseconds < 1000) {
    std::snprintf(text, sizeof text, "%.0f ms", milliseconds);
  } else {
    std::snprintf(text, sizeof text, "%.1f s", milliseconds / 1000);
  }
  return text;
}

// "POST /v1/chat/completions  gpt-4 -> gpt-4.1  200  1.2 s  12 + 345 tokens"
std::string request_line(Terminal const& terminal, ServedRequest const& served) {
  std::string line(served.method.empty() ? std::string_view("?") : served.method);
  line.append(" ").append(served.path);
  if (!served.asked_model.empty()) {
    line.append("  ").append(log::safe(served.asked_model));
    if (!served.model.empty() && served.model != served.asked_model)
      line.append(" -> ").append(log::safe(served.model));
  }
  auto status = std::to_string(served.status);
  if (!served.error_code.empty()) status.append(" ").append(log::safe(served.error_code));
  line.append("  ").append(served.error_code.empty() && served.status < 400 ? terminal.green(status)
                                                                            : terminal.red(status));
  line.append("  ").append(time_text(served.duration));
  if (served.prompt_tokens && served.completion_tokens) {
    line.append("  ").append(std::to_string(*served.prompt_tokens));
    line.append(" + ").append(std::to_string(*served.completion_tokens)).append(" tokens");
  }
  return line;
}

void introduce(Terminal& terminal, LoadedConfig const& loaded, PortState const& state) {
  terminal.line("OpenAI's API is at " + terminal.bold(state.url + "/v1"));
  if (state.key.empty()) {
    terminal.line("Client key: none needed; only your own programs on this machine are served");
  } else {
    std::string origin;
    for (auto const& setting : loaded.settings) {
      if (setting.key == "JUMPSEAT_API_KEY") origin = setting.origin.text();
    }
    terminal.line("Client key: the one in JUMPSEAT_API_KEY (" + origin + ")");
  }
  if (loaded.config.allow_remote && loaded.config.host != "localhost") {
    terminal.error_line(
        "warning: " + loaded.config.host +
        " may be reached from other machines, and everything travels in the clear.");
  }
  std::string sample = "Try:  curl " + state.url + "/v1/chat/completions";
  if (!state.key.empty()) sample += " -H \"Authorization: Bearer $JUMPSEAT_API_KEY\"";
  sample += " -H 'Content-Type: application/json' -d '{\"model\":\"" + loaded.config.default_model +
            "\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'";
  terminal.line(terminal.dim(log::safe(sample)));
}

// Who will be asked for answers. The port is open meanwhile, and stays so without a sign-in: the
// sign-in may come later, from an editor.
awaitable<> show_account(Services services, Terminal& terminal) {
  auto const user = co_await services.tokens.user();
  if (user) {
    auto const state = services.tokens.state();
    terminal.line("Signed in as " + log::safe(user->login) +
                  (state.source.empty() ? "" : " (" + log::safe(state.source) + ")"));
  } else {
    terminal.error_line(terminal.red("warning: ") + log::safe(user.error()));
  }
}

}  // namespace

awaitable<int> run_serve(Services services, Terminal& terminal, HttpPort& port, Event& stopped) {
  PortOptions options;
  options.when_taken = PortOptions::WhenTaken::fail;
  auto const state = co_await port.start(std::move(options));
  if (!state) co_return report(terminal, state.error());
  introduce(terminal, services.loaded, *state);
  services.background.spawn("account", show_account(services, terminal));
  if (terminal.interactive()) {
    port.on_served([&terminal](ServedRequest const& served) {
      terminal.line(request_line(terminal, served));
    });
  }
  co_await stopped.wait();
  port.on_served(nullptr);
  co_return exit_code::ok;
}

}  // namespace jumpseat
