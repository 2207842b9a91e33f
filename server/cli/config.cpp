#include "protocol/json.h"
#include "server/base/exit_code.h"
#include "server/base/log.h"
#include "server/cli/commands.h"

namespace jumpseat {

int run_config(LoadedConfig const& loaded, Paths const& paths, Terminal& terminal, Output output) {
  int const code = loaded.problems.empty() ? exit_code::ok : exit_code::configuration;
  if (output == Output::json) {
    auto object = config_json(loaded);
    object["configFile"] = paths.config_file;
    object["database"] = paths.database;
    terminal.line(json::serialize(object));
    return code;
  }
  std::vector<std::vector<std::string>> rows{{"KEY", "VALUE", "FROM"}};
  for (auto const& setting : loaded.settings) {
    bool const set = setting.origin.kind != Origin::Kind::unset;
    rows.push_back({setting.key, set ? log::safe(setting.value) : "-", setting.origin.text()});
  }
  terminal.print(table(rows));
  terminal.line();
  terminal.line("User configuration: " +
                (paths.config_file.empty() ? std::string("none") : paths.config_file));
  terminal.line("Database: " + paths.database);
  for (auto const& warning : loaded.warnings) terminal.error_line("warning: " + log::safe(warning));
  for (auto const& problem : loaded.problems) report(terminal, problem);
  return code;
}

}  // namespace jumpseat
