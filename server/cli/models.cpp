#include <cstdio>
#include <utility>

#include "protocol/json.h"
#include "server/base/exit_code.h"
#include "server/base/log.h"
#include "server/chat/model_names.h"
#include "server/cli/commands.h"

namespace jumpseat {
namespace {

std::string count_text(std::optional<std::int64_t> tokens) {
  if (!tokens) return "-";
  if (*tokens >= 1000) return std::to_string(*tokens / 1000) + "k";
  return std::to_string(*tokens);
}

std::string cost_text(Model const& model) {
  if (!model.multiplier) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%gx", *model.multiplier);
  return text;
}

std::string abilities(Model const& model) {
  std::string out;
  auto add = [&](bool has, std::string_view name) {
    if (!has) return;
    if (!out.empty()) out += ", ";
    out += name;
  };
  add(model.tool_calls, "tools");
  add(model.vision, "images");
  add(model.structured_outputs, "schema");
  add(!model.reasoning_effort.empty(), "reasoning");
  add(!model.streaming, "no streaming");
  return out.empty() ? "-" : out;
}

}  // namespace

awaitable<int> run_models(Services services, Terminal& terminal, ModelsOptions options) {
  Result<ModelCatalog::List> list = ModelCatalog::List();
  if (options.source == ModelsOptions::Source::fresh) {
    list = co_await services.catalog.refresh();
  } else {
    list = co_await services.catalog.list();
  }
  if (!list) co_return report(terminal, list.error());
  auto const& catalog = **list;
  auto const now = services.clock.unix_seconds();
  if (options.output == Output::json) {
    terminal.line(models_text(catalog, now));
    co_return exit_code::ok;
  }
  std::vector<std::vector<std::string>> rows{
      {"MODEL", "NAME", "KIND", "PROMPT", "ANSWER", "COST", "ABILITIES"}};
  for (auto const& model : catalog.models) {
    if (!model.usable()) continue;
    auto kind = model.type;
    if (model.type == "chat" && !model.serves("/chat/completions")) kind = "chat (not served yet)";
    rows.push_back(
        {log::safe(model.id),
         log::safe(model.name) +
             (model.preview && model.name.find("review") == std::string::npos ? " (preview)" : ""),
         log::safe(kind), count_text(model.max_prompt ? model.max_prompt : model.max_context),
         count_text(model.max_output), cost_text(model), abilities(model)});
  }
  terminal.print(table(rows));
  auto const age = now - catalog.fetched_at;
  terminal.line();
  auto model = resolve_model(services.loaded.config.default_model, catalog.models,
                             services.loaded.config.model_map);
  terminal.line(
      "Default: " + services.loaded.config.default_model +
      (model ? " -> " + log::safe((*model)->id) : std::string(", which is not in the list")) +
      ". The list is " + std::to_string(age < 0 ? 0 : age) + " s old.");
  co_return exit_code::ok;
}

}  // namespace jumpseat
