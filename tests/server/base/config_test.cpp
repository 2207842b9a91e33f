#include "server/base/config.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "tests/support/temp_dir.h"

namespace jumpseat {
namespace {

LoadedConfig with_environment(Environment environment) {
  ConfigSources sources;
  sources.environment = std::move(environment);
  return load_config(sources);
}

std::string only_problem(LoadedConfig const& loaded) {
  REQUIRE(loaded.problems.size() == 1);
  return loaded.problems.front().message();
}

bool contains(std::string const& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("defaults are as documented") {
  auto const loaded = with_environment({});
  CHECK(loaded.problems.empty());
  CHECK(loaded.warnings.empty());
  auto const& config = loaded.config;
  CHECK(config.enabled);
  CHECK(config.proxy_type == "github_copilot");
  CHECK(config.default_model == "copilot-gpt-4");
  CHECK(config.issuer.origin == "https://github.com");
  CHECK(config.port == 8080);
  CHECK(config.host == "localhost");
  CHECK(config.request_timeout.count() == 300);
  CHECK(config.max_retries == 3);
  CHECK(config.max_tokens_limit == 8192);
  CHECK(config.tokens.empty());
  CHECK(config.requests_per_minute == 0);
  CHECK(config.concurrency == 0);
  CHECK(config.queue == 64);
  CHECK_FALSE(config.cache);
  CHECK(config.cache_age.count() == 86'400);
  CHECK(config.cache_bytes == 64 << 20);
}

TEST_CASE("a wrong value is an error that names the key, its origin and what is accepted") {
  struct Row {
    char const* key;
    char const* value;
    char const* accepted;
  };
  for (auto const& row :
       {Row{"GITHUB_COPILOT_ENABLED", "maybe", "true, 1, yes, on"},
        {"GITHUB_COPILOT_ENABLED", "", "true, 1, yes, on"},
        {"GITHUB_COPILOT_LITELLM_ENABLED", "2", "false, 0, no, off"},
        {"PROXY_TYPE", "openai", "github_copilot, github, copilot"},
        {"GITHUB_COPILOT_MODEL", "", "a model name"},
        {"JUMPSEAT_RPM", "-1", "0 (no limit) to 10000"},
        {"JUMPSEAT_CONCURRENCY", "many", "0 (no limit) to 1000"},
        {"JUMPSEAT_QUEUE", "10001", "0 to 10000"},
        {"JUMPSEAT_CACHE", "maybe", "true, 1, yes, on"},
        {"JUMPSEAT_CACHE_MAX_AGE", "0", "1 to 31536000"},
        {"JUMPSEAT_CACHE_MAX_MB", "", "1 to 10000 MiB"},
        {"PORT", "65536", "0 to 65535"},
        {"PORT", "-1", "0 to 65535"},
        {"PORT", "80x", "0 to 65535"},
        {"PORT", "", "0 to 65535"},
        {"REQUEST_TIMEOUT", "0", "1 to 3600"},
        {"REQUEST_TIMEOUT", "3601", "1 to 3600"},
        {"REQUEST_TIMEOUT", "1.5", "1 to 3600"},
        {"MAX_RETRIES", "11", "0 to 10"},
        {"MAX_RETRIES", "many", "0 to 10"},
        {"LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING, ERROR"},
        {"MAX_TOKENS_LIMIT", "0", "above 0"},
        {"MAX_TOKENS_LIMIT", "99999999999999999999", "above 0"},
        {"HOST", "", "localhost"},
        {"GITHUB_COPILOT_EDITOR_VERSION", "vscode/1\r\nX-Evil: 1", "printable ASCII"},
        {"GITHUB_COPILOT_FAST_MODEL", "", "a model id"}}) {
    INFO(row.key << "=" << row.value);
    auto const message = only_problem(with_environment({{row.key, row.value}}));
    CHECK(contains(message, row.key));
    CHECK(contains(message, "environment"));
    CHECK(contains(message, row.accepted));
  }
}

TEST_CASE("good values are taken in every spelling") {
  for (auto const* word : {"true", "1", "YES", "On"}) {
    CHECK(with_environment({{"GITHUB_COPILOT_ENABLED", word}}).config.enabled);
  }
  for (auto const* word : {"false", "0", "NO", "Off"}) {
    CHECK_FALSE(with_environment({{"GITHUB_COPILOT_ENABLED", word}}).config.enabled);
  }
  CHECK(with_environment({{"LOG_LEVEL", "warning"}}).config.log_level == log::Level::warning);
  CHECK(with_environment({{"PORT", "0"}}).config.port == 0);
  CHECK(with_environment({{"PROXY_TYPE", "GitHub"}}).config.proxy_type == "github");
  CHECK(with_environment({{"GITHUB_COPILOT_ENDPOINT", "https://api.acme.ghe.com/"}})
            .config.issuer.origin == "https://acme.ghe.com");
  auto const mapped = with_environment({{"GITHUB_COPILOT_GPT_3_5_TURBO_MODEL", "gpt-4o-mini"}});
  CHECK(mapped.config.model_map.at("GPT_3_5_TURBO") == "gpt-4o-mini");
  // An empty identity value leaves its header out.
  CHECK(with_environment({{"GITHUB_COPILOT_OPENAI_INTENT", ""}})
            .config.identity.openai_intent.empty());
}

TEST_CASE("endpoints that are not GitHub's are refused, never replaced in silence") {
  for (auto const* endpoint : {"http://api.github.com", "https://api.github.com.evil.example",
                               "https://user@api.github.com", "https://api.github.com/?x",
                               "https://127.0.0.1", "ftp://api.github.com", ""}) {
    INFO(endpoint);
    auto const message = only_problem(with_environment({{"GITHUB_COPILOT_ENDPOINT", endpoint}}));
    CHECK(contains(message, "GITHUB_COPILOT_ENDPOINT"));
  }
  auto const base = with_environment({{"GITHUB_COPILOT_API_BASE", "https://api.evil.example"}});
  CHECK(contains(only_problem(base), "GITHUB_COPILOT_API_BASE"));
  CHECK(base.config.api_base.empty());
}

Environment simulator(std::string const& origin) {
  return {{"GITHUB_COPILOT_DEVICE_CODE_URL", origin + "/login/device/code"},
          {"GITHUB_COPILOT_ACCESS_TOKEN_URL", origin + "/login/oauth/access_token"},
          {"GITHUB_COPILOT_API_KEY_URL", origin + "/copilot_internal/v2/token"}};
}

TEST_CASE("E4: a simulator counts only on a loopback literal, only from the environment") {
  auto const good = with_environment(simulator("http://127.0.0.1:5000"));
  CHECK(good.problems.empty());
  CHECK(good.config.issuer.simulated());
  CHECK(good.config.issuer.origin == "http://127.0.0.1:5000");
  CHECK(with_environment(simulator("http://localhost:5000")).problems.size() == 1);
  CHECK(with_environment(simulator("http://192.168.1.1:5000")).problems.size() == 1);

  TempDir dir;
  std::string text;
  for (auto const& [key, value] : simulator("http://127.0.0.1:5000"))
    text += key + "=" + value + "\n";
  ConfigSources sources;
  sources.user_file = dir / "config.env";
  write_file(sources.user_file, text);
  ::chmod(sources.user_file.c_str(), 0600);
  auto const from_file = load_config(sources);
  CHECK(contains(only_problem(from_file), "only in the environment"));
}

TEST_CASE("sources: command line, environment, .github.env, .env, user file, defaults") {
  TempDir dir;
  ConfigSources sources;
  sources.directory = dir.path();
  sources.user_file = dir / "config.env";
  auto port = [&] { return load_config(sources).config.port; };
  CHECK(port() == 8080);
  write_file(sources.user_file, "PORT=1\n");
  ::chmod(sources.user_file.c_str(), 0600);
  CHECK(port() == 1);
  write_file(dir / ".env", "PORT=2\n");
  CHECK(port() == 2);
  write_file(dir / ".github.env", "PORT=3\n");
  CHECK(port() == 3);
  sources.environment["PORT"] = "4";
  CHECK(port() == 4);
  sources.command_line["PORT"] = "5";
  CHECK(port() == 5);

  SECTION("--env-file replaces both files of the directory") {
    sources.environment.clear();
    sources.command_line.clear();
    sources.env_file = dir / "other.env";
    write_file(sources.env_file, "LOG_LEVEL=DEBUG\n");
    auto const loaded = load_config(sources);
    CHECK(loaded.config.port == 1);
    CHECK(loaded.config.log_level == log::Level::debug);
    sources.env_file = dir / "missing.env";
    CHECK(contains(only_problem(load_config(sources)), "missing.env"));
  }
  SECTION("every value keeps its origin") {
    sources.command_line.clear();
    sources.environment.clear();
    for (auto const& setting : load_config(sources).settings) {
      if (setting.key == "PORT") CHECK(setting.origin.text() == ".github.env:1");
      if (setting.key == "HOST") CHECK(setting.origin.text() == "default");
      if (setting.key == "GH_TOKEN") CHECK(setting.origin.text() == "not set");
    }
  }
}

TEST_CASE("E1, E2: a file in the current directory cannot steer where secrets go") {
  TempDir dir;
  ConfigSources sources;
  sources.directory = dir.path();
  struct Row {
    char const* line;
    char const* key;
  };
  for (auto const& row :
       {Row{"GITHUB_COPILOT_API_BASE=https://evil.example", "GITHUB_COPILOT_API_BASE"},
        {"export GITHUB_COPILOT_ENDPOINT=https://evil.example", "GITHUB_COPILOT_ENDPOINT"},
        {"GITHUB_COPILOT_DEVICE_CODE_URL = http://127.0.0.1:1/x", "GITHUB_COPILOT_DEVICE_CODE_URL"},
        {"GITHUB_COPILOT_ACCESS_TOKEN_URL='https://evil.example/a'",
         "GITHUB_COPILOT_ACCESS_TOKEN_URL"},
        {"GITHUB_COPILOT_API_KEY_URL=\"https://evil.example/k\"", "GITHUB_COPILOT_API_KEY_URL"},
        {"\xEF\xBB\xBFHTTPS_PROXY=http://evil.example:1", "HTTPS_PROXY"},
        {"https_proxy=http://evil.example:1", "https_proxy"},
        {"ALL_PROXY=socks5h://evil.example:1", "ALL_PROXY"},
        {"SSL_CERT_FILE=/evil.pem", "SSL_CERT_FILE"},
        {"SSL_CERT_DIR=/evil", "SSL_CERT_DIR"},
        {"CURL_CA_BUNDLE=/evil.pem", "CURL_CA_BUNDLE"},
        {"GITHUB_COPILOT_CLIENT_ID=Iv1.evil", "GITHUB_COPILOT_CLIENT_ID"},
        {"GITHUB_COPILOT_TOKEN_DIR=/evil", "GITHUB_COPILOT_TOKEN_DIR"},
        {"HOST=0.0.0.0", "HOST"}}) {
    INFO(row.line);
    write_file(dir / ".env", std::string(row.line) + "\n");
    auto const loaded = load_config(sources);
    CHECK(loaded.problems.empty());
    REQUIRE(loaded.warnings.size() == 1);
    CHECK(contains(loaded.warnings[0], row.key));
    CHECK(contains(loaded.warnings[0], ".env:1"));
    auto const& config = loaded.config;
    CHECK(config.issuer.origin == "https://github.com");
    CHECK(config.issuer.device_code.host == "github.com");
    CHECK(config.api_base.empty());
    CHECK(config.proxy.https_proxy.empty());
    CHECK(config.ca_file.empty());
    CHECK(config.ca_path.empty());
    CHECK(config.identity.client_id == ClientIdentity().client_id);
    CHECK(config.litellm_token_dir.empty());
    CHECK(config.host == "localhost");
  }
  SECTION("what the documented block sets is taken") {
    write_file(dir / ".env",
               "GITHUB_TOKEN=ghu_012345678901234567890123456789012345\nGITHUB_COPILOT_ENDPOINT="
               "https://api.github.com\n"
               "PORT=9\nHOST=127.0.0.1\nGITHUB_COPILOT_GPT_4_MODEL=gpt-5\nUNRELATED=1\n");
    auto const loaded = load_config(sources);
    CHECK(loaded.warnings.empty());
    CHECK(loaded.config.tokens.size() == 1);
    CHECK(loaded.config.port == 9);
    CHECK(loaded.config.host == "127.0.0.1");
    CHECK(loaded.config.model_map.at("GPT_4") == "gpt-5");
  }
  SECTION("a misspelt key is asked about") {
    write_file(dir / ".env", "REQUEST_TIMOUT=5\n");
    auto const loaded = load_config(sources);
    REQUIRE(loaded.warnings.size() == 1);
    CHECK(contains(loaded.warnings[0], "REQUEST_TIMEOUT"));
  }
}

TEST_CASE("files that are not what they should be are named, and nothing hangs") {
  TempDir dir;
  ConfigSources sources;
  sources.directory = dir.path();
  SECTION("a malformed line") {
    write_file(dir / ".env", "PORT=1\nnonsense\n");
    CHECK(contains(only_problem(load_config(sources)), ".env:2"));
  }
  SECTION("a FIFO") {
    REQUIRE(::mkfifo((dir / ".env").c_str(), 0600) == 0);
    CHECK(contains(only_problem(load_config(sources)), "not a regular file"));
  }
  SECTION("two megabytes") {
    write_file(dir / ".env", std::string(2u << 20, '\n'));
    CHECK(contains(only_problem(load_config(sources)), "larger than 1 MiB"));
  }
  SECTION("a user file that others can write") {
    sources.directory.clear();
    sources.user_file = dir / "config.env";
    write_file(sources.user_file, "PORT=1\n");
    ::chmod(sources.user_file.c_str(), 0666);
    auto const loaded = load_config(sources);
    CHECK(loaded.config.port == 8080);
    REQUIRE(loaded.warnings.size() == 1);
    CHECK(contains(loaded.warnings[0], "chmod go-w"));
  }
}

TEST_CASE("tokens keep their order of precedence and are never shown") {
  std::string const canary = "ghu_CANARY78901234567890123456789012345678";
  auto const loaded =
      with_environment({{"GH_TOKEN", canary},
                        {"GITHUB_TOKEN", canary},
                        {"COPILOT_GITHUB_TOKEN", canary},
                        {"HTTPS_PROXY", "http://user:CANARYpassword@proxy.example:1"}});
  REQUIRE(loaded.config.tokens.size() == 3);
  CHECK(loaded.config.tokens[0].key == "COPILOT_GITHUB_TOKEN");
  CHECK(loaded.config.tokens[1].key == "GITHUB_TOKEN");
  CHECK(loaded.config.tokens[2].key == "GH_TOKEN");
  auto const shown = json::serialize(config_json(loaded));
  CHECK_FALSE(contains(shown, "CANARY"));
  CHECK(contains(shown, "<set>"));
  CHECK(contains(loaded.config.proxy.origin, "HTTPS_PROXY"));
}

TEST_CASE("the upper-case HTTP_PROXY is not read") {
  CHECK(
      with_environment({{"HTTP_PROXY", "http://evil.example:1"}}).config.proxy.http_proxy.empty());
  CHECK_FALSE(
      with_environment({{"http_proxy", "http://proxy.example:1"}}).config.proxy.http_proxy.empty());
}

}  // namespace
}  // namespace jumpseat
