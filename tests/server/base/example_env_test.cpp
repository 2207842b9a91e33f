// docs/examples/example.github.env and docs/configuration.md against the code: the example is
// valid, says what the defaults are, and neither leaves out a key.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "protocol/env_file.h"
#include "server/base/config.h"
#include "tests/support/show.h"
#include "tests/support/temp_dir.h"

using namespace jumpseat;

namespace {

// The project's root, from the name under which this file was compiled.
std::string project_file(std::string_view name) {
  std::string const here = __FILE__;
  std::string const own_name = "tests/server/base/example_env_test.cpp";
  REQUIRE(here.ends_with(own_name));
  return read_file(here.substr(0, here.size() - own_name.size()) + std::string(name));
}

std::string example() { return project_file("docs/examples/example.github.env"); }

// "# KEY=value" becomes "KEY=value"; other comments stay.
std::string with_examples_uncommented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto const end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with("# ")) {
      auto const rest = line.substr(2);
      auto const equals = rest.find('=');
      if (equals != std::string_view::npos &&
          rest.substr(0, equals).find(' ') == std::string_view::npos) {
        line = rest;
      }
    }
    out.append(line).append("\n");
  }
  return out;
}

LoadedConfig load_as_user_file(TempDir const& directory, std::string_view text) {
  write_file(directory / "config.env", text);
  ConfigSources sources;
  sources.user_file = directory / "config.env";
  return load_config(sources);
}

LoadedConfig load_as_directory_file(TempDir const& directory, std::string_view text) {
  write_file(directory / ".github.env", text);
  ConfigSources sources;
  sources.directory = directory.path();
  return load_config(sources);
}

std::vector<std::string> words(LoadedConfig const& loaded) {
  std::vector<std::string> out = loaded.warnings;
  for (Error const& problem : loaded.problems) out.push_back(problem.message());
  return out;
}

}  // namespace

TEST_CASE(
    "the example of a .github.env is accepted as it is, and sets what is the default anyway") {
  TempDir const directory;
  auto const loaded = load_as_directory_file(directory, example());
  CHECK(words(loaded) == std::vector<std::string>());

  auto const defaults = load_config(ConfigSources());
  REQUIRE(loaded.settings.size() == defaults.settings.size());
  std::size_t set = 0;
  for (std::size_t i = 0; i < loaded.settings.size(); ++i) {
    CAPTURE(loaded.settings[i].key);
    CHECK(loaded.settings[i].value == defaults.settings[i].value);
    if (loaded.settings[i].origin.kind == Origin::Kind::directory_file) ++set;
  }
  CHECK(set == parse_env_file(example(), "example")->size());
  CHECK(set >= 10);
}

TEST_CASE("the example names every key, and each value in it is one that is accepted") {
  TempDir const directory;
  auto const text = with_examples_uncommented(example());
  auto const loaded = load_as_user_file(directory, text);
  CHECK(words(loaded) == std::vector<std::string>());
  for (Setting const& setting : loaded.settings) {
    CAPTURE(setting.key);
    CHECK(setting.origin.kind == Origin::Kind::user_file);
  }
  // Nothing in it is a key that does not exist.
  auto const entries = parse_env_file(text, "example");
  REQUIRE(entries);
  CHECK(entries->size() == loaded.settings.size());
}

TEST_CASE("E2: the example says rightly which keys a file of the current directory may not set") {
  auto const text = example();
  auto const heading = text.find("# --- Only in the environment or in your own config.env");
  REQUIRE(heading != std::string::npos);
  TempDir const directory;

  auto const open =
      load_as_directory_file(directory, with_examples_uncommented(text.substr(0, heading)));
  CHECK(words(open) == std::vector<std::string>());

  auto const closed_text = with_examples_uncommented(text.substr(heading));
  auto const closed = load_as_directory_file(directory, closed_text);
  CHECK(closed.problems.empty());
  auto const entries = parse_env_file(closed_text, "example");
  REQUIRE(entries);
  for (EnvEntry const& entry : *entries) {
    // GitHub's own addresses are what is used anyway.
    bool const githubs = entry.value.starts_with("https://github.com/") ||
                         entry.value.starts_with("https://api.github");
    auto const warning =
        ".github.env:" + std::to_string(entry.line) + ": " + entry.key +
        " is ignored in a file of the current directory. Set it in the environment or in your own "
        "config.env.";
    bool const warned =
        std::find(closed.warnings.begin(), closed.warnings.end(), warning) != closed.warnings.end();
    CAPTURE(entry.key);
    CHECK(warned == !githubs);
  }
}

TEST_CASE("docs/configuration.md has a row for every key, with its default") {
  auto const page = project_file("docs/configuration.md");
  // The rows of its tables in which a text stands as code.
  auto const has_row = [&page](std::string_view key, std::string_view value) {
    for (std::size_t at = page.find("\n| "); at != std::string::npos;
         at = page.find("\n| ", at + 1)) {
      auto const row = std::string_view(page).substr(at + 1, page.find('\n', at + 1) - at - 1);
      auto const holds = [&row](std::string_view text) {
        return row.find("`" + std::string(text) + "`") != std::string_view::npos;
      };
      if (holds(key) && (value.empty() || holds(value))) return true;
    }
    return false;
  };
  for (Setting const& setting : load_config(ConfigSources()).settings) {
    CAPTURE(setting.key);
    bool const built_in = setting.origin.kind == Origin::Kind::built_in;
    CHECK(has_row(setting.key, built_in ? setting.value : ""));
  }
  CHECK(has_row("GITHUB_COPILOT_<NAME>_MODEL", ""));
  CHECK_FALSE(has_row("PORT", "8081"));
}
