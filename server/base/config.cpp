#include "server/base/config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "protocol/env_file.h"
#include "protocol/upstream.h"
#include "server/base/edit_distance.h"

namespace jumpseat {
namespace {

using Kind = Origin::Kind;

// What a file in the current directory may say about a key: such a file may belong to a repository
// that somebody else wrote.
enum class FromDirectory {
  accepted,
  github_only,  // names a host or URL: counts only when it names GitHub itself
  ignored,      // names a path, program, proxy, CA, client identity: never from there
};

struct Key {
  std::string_view name;
  std::string_view built_in;
  FromDirectory from_directory = FromDirectory::accepted;
  enum class Visibility { plain, secret } visibility = Visibility::plain;
};

constexpr auto secret = Key::Visibility::secret;

// Every key, in the order in which `jumpseat config` prints them.
constexpr std::array keys{
    Key{"COPILOT_GITHUB_TOKEN", "", FromDirectory::accepted, secret},
    Key{"GH_COPILOT_TOKEN", "", FromDirectory::accepted, secret},
    Key{"GITHUB_COPILOT_TOKEN", "", FromDirectory::accepted, secret},
    Key{"GITHUB_TOKEN", "", FromDirectory::accepted, secret},
    Key{"GH_TOKEN", "", FromDirectory::accepted, secret},
    Key{"GITHUB_COPILOT_ENABLED", "true"},
    Key{"PROXY_TYPE", "github_copilot"},
    Key{"GITHUB_COPILOT_LITELLM_ENABLED", "true"},
    Key{"GITHUB_COPILOT_MODEL", "copilot-gpt-4"},
    Key{"GITHUB_COPILOT_ENDPOINT", "https://api.github.com", FromDirectory::github_only},
    Key{"GH_HOST", "", FromDirectory::ignored},
    Key{"JUMPSEAT_ACCOUNT", "", FromDirectory::ignored},
    Key{"JUMPSEAT_TOKEN_SOURCES", "saved,litellm,github-copilot,gh", FromDirectory::ignored},
    Key{"JUMPSEAT_KEYRING", "off", FromDirectory::ignored},
    Key{"GH_PATH", "", FromDirectory::ignored},
    Key{"GH_CONFIG_DIR", "", FromDirectory::ignored},
    Key{"PORT", "8080"},
    Key{"HOST", "localhost"},
    // Who may use the port is not for a repository to say.
    Key{"JUMPSEAT_API_KEY", "", FromDirectory::ignored, secret},
    Key{"JUMPSEAT_ALLOW_REMOTE", "false", FromDirectory::ignored},
    Key{"JUMPSEAT_ALLOWED_ORIGINS", "", FromDirectory::ignored},
    Key{"JUMPSEAT_MAX_CONNECTIONS", "1000"},
    Key{"REQUEST_TIMEOUT", "300"},
    Key{"MAX_RETRIES", "3"},
    Key{"LOG_LEVEL", "INFO"},
    Key{"MAX_TOKENS_LIMIT", "8192"},
    Key{"JUMPSEAT_RPM", "0"},
    Key{"JUMPSEAT_CONCURRENCY", "0"},
    Key{"JUMPSEAT_QUEUE", "64"},
    // Whether answers are kept on the disk is not for a repository to say.
    Key{"JUMPSEAT_CACHE", "off", FromDirectory::ignored},
    Key{"JUMPSEAT_CACHE_MAX_AGE", "86400"},
    Key{"JUMPSEAT_CACHE_MAX_MB", "64"},
    Key{"GITHUB_COPILOT_TOKEN_DIR", "", FromDirectory::ignored},
    Key{"GITHUB_COPILOT_ACCESS_TOKEN_FILE", "access-token", FromDirectory::ignored},
    Key{"GITHUB_COPILOT_API_KEY_FILE", "api-key.json", FromDirectory::ignored},
    Key{"GITHUB_COPILOT_API_BASE", "", FromDirectory::github_only},
    Key{"GITHUB_COPILOT_DEVICE_CODE_URL", "", FromDirectory::github_only},
    Key{"GITHUB_COPILOT_ACCESS_TOKEN_URL", "", FromDirectory::github_only},
    Key{"GITHUB_COPILOT_API_KEY_URL", "", FromDirectory::github_only},
    Key{"GITHUB_COPILOT_CLIENT_ID", "", FromDirectory::ignored},
    Key{"GITHUB_COPILOT_INTEGRATION_ID", "", FromDirectory::ignored},
    Key{"GITHUB_COPILOT_EDITOR_VERSION", "", FromDirectory::ignored},
    Key{"GITHUB_COPILOT_EDITOR_PLUGIN_VERSION", "", FromDirectory::ignored},
    Key{"GITHUB_COPILOT_USER_AGENT", "", FromDirectory::ignored},
    Key{"GITHUB_COPILOT_API_VERSION", "", FromDirectory::ignored},
    Key{"GITHUB_COPILOT_OPENAI_INTENT", "", FromDirectory::ignored},
    // Proxy and trust under the names that curl and OpenSSL users know.
    Key{"HTTPS_PROXY", "", FromDirectory::ignored, secret},
    Key{"https_proxy", "", FromDirectory::ignored, secret},
    Key{"http_proxy", "", FromDirectory::ignored, secret},
    Key{"ALL_PROXY", "", FromDirectory::ignored, secret},
    Key{"all_proxy", "", FromDirectory::ignored, secret},
    Key{"NO_PROXY", "", FromDirectory::ignored},
    Key{"no_proxy", "", FromDirectory::ignored},
    Key{"SSL_CERT_FILE", "", FromDirectory::ignored},
    Key{"SSL_CERT_DIR", "", FromDirectory::ignored},
    Key{"CURL_CA_BUNDLE", "", FromDirectory::ignored},
};

constexpr std::array token_keys{"COPILOT_GITHUB_TOKEN", "GH_COPILOT_TOKEN", "GITHUB_COPILOT_TOKEN",
                                "GITHUB_TOKEN", "GH_TOKEN"};

Key const* find_key(std::string_view name) {
  auto const found =
      std::find_if(keys.begin(), keys.end(), [&](Key const& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

constexpr std::string_view map_prefix = "GITHUB_COPILOT_";
constexpr std::string_view map_suffix = "_MODEL";

// GITHUB_COPILOT_<NAME>_MODEL -> NAME.
std::optional<std::string_view> mapped_name(std::string_view key) {
  if (find_key(key) != nullptr || !key.starts_with(map_prefix) || !key.ends_with(map_suffix))
    return {};
  if (key.size() <= map_prefix.size() + map_suffix.size()) return {};
  auto const name =
      key.substr(map_prefix.size(), key.size() - map_prefix.size() - map_suffix.size());
  bool const plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!plain) return {};
  return name;
}

bool known(std::string_view key) {
  return find_key(key) != nullptr || mapped_name(key).has_value();
}

struct Value {
  std::string text;
  Origin origin;
};
using Values = std::map<std::string, Value, std::less<>>;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

// Nearest known key within two edits, for a misspelt one.
std::string_view nearest_key(std::string_view name) {
  for (auto const& key : keys) {
    if (key.name.size() > 5 && edit_distance(name, key.name) <= 2) return key.name;
  }
  return {};
}

class Loader {
 public:
  explicit Loader(ConfigSources const& sources) : sources_(sources) {}

  LoadedConfig load() {
    for (auto const& key : keys) {
      if (!key.built_in.empty())
        values_[std::string(key.name)] = {std::string(key.built_in), {Kind::built_in, {}, 0}};
    }
    for (auto const& [name, text] : built_in_identity()) {
      values_[name] = {text, {Kind::built_in, {}, 0}};
    }
    read_user_file();
    if (!sources_.env_file.empty()) {
      read_file(sources_.env_file, sources_.env_file, Kind::env_file, Missing::is_a_problem);
    } else if (!sources_.directory.empty()) {
      read_file(sources_.directory + "/.env", ".env", Kind::directory_file, Missing::is_fine);
      read_file(sources_.directory + "/.github.env", ".github.env", Kind::directory_file,
                Missing::is_fine);
    }
    for (auto const& [name, text] : sources_.environment) {
      if (known(name)) values_[name] = {text, {Kind::environment, {}, 0}};
    }
    for (auto const& [name, text] : sources_.command_line) {
      values_[name] = {text, {Kind::command_line, {}, 0}};
    }
    interpret();
    list_settings();
    return std::move(loaded_);
  }

 private:
  // Who we say we are lies in protocol/identity.h, with its date; here it is shown.
  static std::map<std::string, std::string> built_in_identity() {
    ClientIdentity const identity;
    return {{"GITHUB_COPILOT_CLIENT_ID", identity.client_id},
            {"GITHUB_COPILOT_INTEGRATION_ID", identity.integration_id},
            {"GITHUB_COPILOT_EDITOR_VERSION", identity.editor_version},
            {"GITHUB_COPILOT_EDITOR_PLUGIN_VERSION", identity.editor_plugin_version},
            {"GITHUB_COPILOT_USER_AGENT", identity.user_agent},
            {"GITHUB_COPILOT_API_VERSION", identity.api_version},
            {"GITHUB_COPILOT_OPENAI_INTENT", identity.openai_intent}};
  }

  enum class Missing { is_fine, is_a_problem };

  void problem(std::string message) {
    loaded_.problems.push_back(fail(ErrorCode::config_invalid, std::move(message)));
  }
  void warn(std::string message) { loaded_.warnings.push_back(std::move(message)); }

  void read_user_file() {
    if (sources_.user_file.empty()) return;
    struct stat status{};
    if (::stat(sources_.user_file.c_str(), &status) == 0) {
      // Whoever can write this file decides where tokens go.
      if (status.st_uid != ::geteuid() && status.st_uid != 0) {
        return warn(printable(sources_.user_file) + " is ignored: it belongs to another user.");
      }
      if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return warn(printable(sources_.user_file) +
                    " is ignored: other users can write it. Run: chmod go-w " +
                    printable(sources_.user_file));
      }
    }
    read_file(sources_.user_file, sources_.user_file, Kind::user_file, Missing::is_fine);
  }

  void read_file(std::string const& path, std::string const& name, Kind kind, Missing missing) {
    constexpr std::size_t max_size = 1u << 20;
    // Non-blocking, so that a FIFO in the file's place cannot hang us.
    int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
      if (errno == ENOENT && missing == Missing::is_fine) return;
      return problem("Cannot read " + printable(name) + ": " + std::strerror(errno) + ".");
    }
    struct stat status{};
    std::string text;
    bool readable = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    std::string why = readable ? "" : "it is not a regular file";
    while (readable && text.size() <= max_size) {
      std::array<char, 16384> piece;
      auto const count = ::read(file, piece.data(), piece.size());
      if (count == 0) break;
      if (count < 0) {
        readable = false;
        why = std::strerror(errno);
        break;
      }
      text.append(piece.data(), static_cast<std::size_t>(count));
    }
    ::close(file);
    if (text.size() > max_size) why = "it is larger than 1 MiB";
    if (!why.empty()) return problem("Cannot read " + printable(name) + ": " + why + ".");

    auto entries = parse_env_file(text, printable(name));
    wipe(text);
    if (!entries) return loaded_.problems.push_back(entries.error());
    for (auto& entry : *entries) take(std::move(entry), name, kind);
  }

  void take(EnvEntry entry, std::string const& name, Kind kind) {
    Origin origin{kind, name, entry.line};
    if (!known(entry.key)) {
      if (auto near = nearest_key(entry.key); !near.empty()) {
        warn(origin.text() + ": unknown key " + printable(entry.key, 80) + "; did you mean " +
             std::string(near) + "?");
      }
      return;  // the file may well hold other programs' keys
    }
    if (kind == Kind::directory_file) {
      auto const* key = find_key(entry.key);
      auto const rule = key != nullptr ? key->from_directory : FromDirectory::accepted;
      if (rule == FromDirectory::ignored ||
          (rule == FromDirectory::github_only && !names_github(entry)) ||
          (entry.key == "HOST" && !loopback_name(entry.value))) {
        warn(origin.text() + ": " + entry.key +
             " is ignored in a file of the current directory. Set it in the environment or in your "
             "own config.env.");
        return;
      }
    }
    values_[entry.key] = {std::move(entry.value), std::move(origin)};
  }

  static bool names_github(EnvEntry const& entry) {
    if (entry.value.empty()) return true;
    auto const github = issuer_for_endpoint("https://api.github.com");
    if (!github) return false;
    auto url = parse_url(entry.value);
    return url && github->trusts(*url);
  }

  static bool loopback_name(std::string_view host) {
    return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
  }

  Value const* find(std::string_view key) const {
    auto const found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
  }
  std::string text(std::string_view key) const {
    auto const* value = find(key);
    return value == nullptr ? std::string() : value->text;
  }

  void wrong(std::string_view key, std::string_view accepted) {
    auto const* value = find(key);
    problem(std::string(key) + " (" + value->origin.text() + "): \"" + printable(value->text, 80) +
            "\" is not valid. Accepted: " + std::string(accepted) + ".");
  }

  void boolean(std::string_view key, bool& target) {
    auto const word = lower(text(key));
    if (word == "true" || word == "1" || word == "yes" || word == "on") {
      target = true;
    } else if (word == "false" || word == "0" || word == "no" || word == "off") {
      target = false;
    } else {
      wrong(key, "true, 1, yes, on, false, 0, no, off");
    }
  }

  template <class Number, class Target>
  void number(std::string_view key, Number least, Number most, Target assign,
              std::string_view accepted) {
    auto const value = text(key);
    Number parsed{};
    auto const [end, problem] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (problem != std::errc() || end != value.data() + value.size() || parsed < least ||
        parsed > most) {
      return wrong(key, accepted);
    }
    assign(parsed);
  }

  void interpret() {
    auto& config = loaded_.config;
    boolean("GITHUB_COPILOT_ENABLED", config.enabled);
    boolean("GITHUB_COPILOT_LITELLM_ENABLED", config.litellm_enabled);
    config.proxy_type = lower(text("PROXY_TYPE"));
    if (config.proxy_type != "github_copilot" && config.proxy_type != "github" &&
        config.proxy_type != "copilot") {
      wrong("PROXY_TYPE", "github_copilot, github, copilot");
      config.proxy_type = "github_copilot";
    }
    if (auto model = text("GITHUB_COPILOT_MODEL"); model.empty()) {
      wrong("GITHUB_COPILOT_MODEL", "a model name, such as copilot-gpt-4");
    } else {
      config.default_model = model;
    }
    for (auto const& [key, value] : values_) {
      if (auto name = mapped_name(key)) {
        if (value.text.empty()) {
          wrong(key, "a model id");
        } else {
          config.model_map.emplace(*name, value.text);
        }
      }
    }
    number<int>(
        "PORT", 0, 65535, [&](int v) { config.port = static_cast<std::uint16_t>(v); },
        "0 to 65535");
    number<int>("MAX_RETRIES", 0, 10, [&](int v) { config.max_retries = v; }, "0 to 10");
    number<std::int64_t>(
        "MAX_TOKENS_LIMIT", 1, 1'000'000'000, [&](std::int64_t v) { config.max_tokens_limit = v; },
        "a whole number above 0");
    number<int>(
        "REQUEST_TIMEOUT", 1, 3600,
        [&](int v) { config.request_timeout = std::chrono::seconds(v); },
        "whole seconds, 1 to 3600");
    interpret_port();
    interpret_limits();
    interpret_log_level();
    interpret_issuer();
    interpret_identity();
    interpret_network();
    interpret_sign_in();
    config.litellm_token_dir = text("GITHUB_COPILOT_TOKEN_DIR");
    config.litellm_shared = !config.litellm_token_dir.empty() && config.litellm_enabled;
    config.litellm_access_token_file = text("GITHUB_COPILOT_ACCESS_TOKEN_FILE");
    config.litellm_api_key_file = text("GITHUB_COPILOT_API_KEY_FILE");
    for (auto const* key : token_keys) {
      if (auto const* value = find(key)) {
        config.tokens.push_back({key, Secret(value->text), value->origin});
        log::protect(config.tokens.back().value, "github-token");
      }
    }
  }

  void interpret_sign_in() {
    auto& config = loaded_.config;
    if (auto const* value = find("JUMPSEAT_ACCOUNT"); value != nullptr && !value->text.empty()) {
      if (auto name = check_account_name(value->text)) {
        config.account = *name;
        config.account_origin = value->origin;
      } else {
        wrong("JUMPSEAT_ACCOUNT", "1 to 64 letters, digits, '.', '_', '@', '-'");
      }
    }
    for (auto const* key : {"GH_PATH", "GH_CONFIG_DIR", "GITHUB_COPILOT_TOKEN_DIR"}) {
      auto const* value = find(key);
      if (value == nullptr || value->text.empty()) continue;
      if (value->text.starts_with("~/") && !sources_home().empty())
        values_[key].text = sources_home() + value->text.substr(1);
      if (!value->text.starts_with('/')) wrong(key, "an absolute path");
    }
    config.gh_path = text("GH_PATH");
    config.gh_config_dir = text("GH_CONFIG_DIR");
    interpret_token_places();
  }

  std::string sources_home() const {
    auto const home = lookup(sources_.environment, "HOME");
    return home && home->starts_with('/') ? std::string(*home) : std::string();
  }

  void interpret_token_places() {
    Config::TokenPlaces places{false, false, false, false};
    auto rest = std::string_view(find("JUMPSEAT_TOKEN_SOURCES")->text);
    while (!rest.empty()) {
      auto const end = rest.find(',');
      auto name = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      while (name.starts_with(' ')) name.remove_prefix(1);
      while (name.ends_with(' ')) name.remove_suffix(1);
      if (name == "saved") {
        places.saved = true;
      } else if (name == "litellm") {
        places.litellm = true;
      } else if (name == "github-copilot") {
        places.github_copilot = true;
      } else if (name == "gh") {
        places.gh = true;
      } else if (!name.empty() && name != "none") {
        return wrong("JUMPSEAT_TOKEN_SOURCES",
                     "saved, litellm, github-copilot, gh, separated by commas; or none");
      }
    }
    loaded_.config.token_places = places;
  }

  // Limits that a person sets, and the cache.
  void interpret_limits() {
    auto& config = loaded_.config;
    number<int>(
        "JUMPSEAT_RPM", 0, 10'000, [&](int v) { config.requests_per_minute = v; },
        "0 (no limit) to 10000 requests a minute");
    number<int>(
        "JUMPSEAT_CONCURRENCY", 0, 1'000, [&](int v) { config.concurrency = v; },
        "0 (no limit) to 1000 requests at once");
    number<int>(
        "JUMPSEAT_QUEUE", 0, 10'000, [&](int v) { config.queue = v; },
        "0 to 10000 requests that may wait");
    boolean("JUMPSEAT_CACHE", config.cache);
    boolean("JUMPSEAT_KEYRING", config.keyring);
    number<int>(
        "JUMPSEAT_CACHE_MAX_AGE", 1, 31'536'000,
        [&](int v) { config.cache_age = std::chrono::seconds(v); }, "whole seconds, 1 to 31536000");
    number<std::int64_t>(
        "JUMPSEAT_CACHE_MAX_MB", 1, 10'000, [&](std::int64_t v) { config.cache_bytes = v << 20; },
        "1 to 10000 MiB");
  }

  // An origin as a browser sends it (RFC 6454 6.2): scheme, host and a port that is not the usual
  // one, in lower case. "null" is what every sandboxed page says, and no wildcard is understood.
  static bool is_origin(std::string_view text) {
    auto const colon = text.find("://");
    if (colon == 0 || colon == std::string_view::npos || text.size() > 200) return false;
    auto const all = [](std::string_view part, std::string_view marks) {
      return !part.empty() && std::all_of(part.begin(), part.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               marks.find(c) != std::string_view::npos;
      });
    };
    auto const scheme = text.substr(0, colon);
    auto const host = text.substr(colon + 3);
    if (!all(scheme, "+-.") || !all(host, "-._[]:")) return false;
    return !(scheme == "http" && host.ends_with(":80")) &&
           !(scheme == "https" && host.ends_with(":443"));
  }

  void interpret_origins() {
    auto const list = text("JUMPSEAT_ALLOWED_ORIGINS");
    for (std::size_t at = 0; at < list.size();) {
      auto const end = std::min(list.find_first_of(", ", at), list.size());
      auto origin = list.substr(at, end - at);
      at = end + 1;
      if (origin.empty()) continue;
      if (!is_origin(origin)) {
        return wrong("JUMPSEAT_ALLOWED_ORIGINS",
                     "origins of web pages as browsers write them, separated by commas: "
                     "https://app.example, http://localhost:3000; no path, no *, not null");
      }
      loaded_.config.allowed_origins.push_back(std::move(origin));
    }
  }

  void interpret_port() {
    auto& config = loaded_.config;
    interpret_origins();
    boolean("JUMPSEAT_ALLOW_REMOTE", config.allow_remote);
    number<int>(
        "JUMPSEAT_MAX_CONNECTIONS", 1, 100'000,
        [&](int v) { config.max_connections = static_cast<std::size_t>(v); }, "1 to 100000");
    if (auto const* key = find("JUMPSEAT_API_KEY"); key != nullptr && !key->text.empty()) {
      bool const sendable = std::all_of(key->text.begin(), key->text.end(),
                                        [](char c) { return c > ' ' && c <= '~'; });
      if (sendable && key->text.size() <= 500) {
        config.api_key = Secret(key->text);
        log::protect(config.api_key, "client-key");
      } else {
        problem("JUMPSEAT_API_KEY (" + key->origin.text() +
                ") is not valid. Accepted: at most 500 printable ASCII characters, no spaces.");
      }
    }
    config.host = text("HOST");
    if (loopback_name(config.host)) return;
    constexpr std::size_t shortest_remote_key = 16;
    if (config.host.empty() || !config.allow_remote) {
      wrong("HOST",
            "localhost, 127.x.x.x, ::1; with --allow-remote and JUMPSEAT_API_KEY another address "
            "of this machine");
      config.host = "localhost";
    } else if (config.api_key.size() < shortest_remote_key) {
      problem("HOST (" + find("HOST")->origin.text() + "): \"" + printable(config.host, 80) +
              "\" can be reached from other machines, which needs a JUMPSEAT_API_KEY of at least "
              "16 characters.");
      config.host = "localhost";
    }
  }

  void interpret_log_level() {
    auto const word = lower(text("LOG_LEVEL"));
    for (auto level :
         {log::Level::debug, log::Level::info, log::Level::warning, log::Level::error}) {
      if (word == lower(log::name(level))) {
        loaded_.config.log_level = level;
        return;
      }
    }
    wrong("LOG_LEVEL", "DEBUG, INFO, WARNING, ERROR");
  }

  // "KEY (origin), KEY (origin)" of those that are set.
  std::string origins_of(std::initializer_list<char const*> names) const {
    std::string out;
    for (auto const* name : names) {
      auto const* value = find(name);
      if (value == nullptr || value->text.empty()) continue;
      out += (out.empty() ? "" : ", ") + std::string(name) + " (" + value->origin.text() + ")";
    }
    return out;
  }

  static constexpr std::initializer_list<char const*> url_keys = {"GITHUB_COPILOT_DEVICE_CODE_URL",
                                                                  "GITHUB_COPILOT_ACCESS_TOKEN_URL",
                                                                  "GITHUB_COPILOT_API_KEY_URL"};

  void interpret_issuer() {
    auto& config = loaded_.config;
    auto const github = issuer_for_endpoint("https://api.github.com");
    if (github) config.issuer = *github;
    auto endpoint = issuer_for_endpoint(text("GITHUB_COPILOT_ENDPOINT"));
    if (!endpoint) {
      auto const* value = find("GITHUB_COPILOT_ENDPOINT");
      return loaded_.problems.push_back(
          endpoint.error().within("GITHUB_COPILOT_ENDPOINT (" + value->origin.text() + ")"));
    }
    if (auto const* host = find("GH_HOST"); host != nullptr && !host->text.empty()) {
      auto named = issuer_for_host(host->text);
      if (!named) {
        return loaded_.problems.push_back(
            named.error().within("GH_HOST (" + host->origin.text() + ")"));
      }
      auto const* value = find("GITHUB_COPILOT_ENDPOINT");
      if (value->origin.kind != Kind::built_in && named->origin != endpoint->origin) {
        return problem("GH_HOST (" + host->origin.text() + ") and GITHUB_COPILOT_ENDPOINT (" +
                       value->origin.text() + ") name two different places, " + named->origin +
                       " and " + endpoint->origin + ". Leave one of them out.");
      }
      endpoint = std::move(named);
    }
    auto issuer = issuer_with_urls(*endpoint, text("GITHUB_COPILOT_DEVICE_CODE_URL"),
                                   text("GITHUB_COPILOT_ACCESS_TOKEN_URL"),
                                   text("GITHUB_COPILOT_API_KEY_URL"));
    if (!issuer) return loaded_.problems.push_back(issuer.error().within(origins_of(url_keys)));
    // A simulator on this machine is chosen by the process that starts us, not by a file that
    // happens to lie around.
    if (issuer->simulated()) {
      for (auto const* key : url_keys) {
        auto const* value = find(key);
        if (value != nullptr && value->origin.kind != Kind::environment &&
            value->origin.kind != Kind::command_line) {
          return problem(
              std::string(key) + " (" + value->origin.text() +
              "): a loopback address counts only in the environment or on the command line.");
        }
      }
    }
    config.issuer = *issuer;
    config.api_base = text("GITHUB_COPILOT_API_BASE");
    if (!config.api_base.empty()) {
      auto judged = config.issuer.judge_api(config.api_base);
      if (!judged) {
        auto const* value = find("GITHUB_COPILOT_API_BASE");
        loaded_.problems.push_back(
            judged.error().within("GITHUB_COPILOT_API_BASE (" + value->origin.text() + ")"));
        config.api_base.clear();
      }
    }
  }

  void header_value(std::string_view key, std::string& target) {
    auto const* value = find(key);
    if (value == nullptr) return;
    bool const clean = std::all_of(value->text.begin(), value->text.end(),
                                   [](char c) { return c >= ' ' && c <= '~'; });
    if (!clean || value->text.size() > 200)
      return wrong(key, "printable ASCII, at most 200 characters");
    target = value->text;  // an empty value leaves the header out, as in LiteLLM
  }

  void interpret_identity() {
    auto& identity = loaded_.config.identity;
    header_value("GITHUB_COPILOT_INTEGRATION_ID", identity.integration_id);
    header_value("GITHUB_COPILOT_EDITOR_VERSION", identity.editor_version);
    header_value("GITHUB_COPILOT_EDITOR_PLUGIN_VERSION", identity.editor_plugin_version);
    header_value("GITHUB_COPILOT_USER_AGENT", identity.user_agent);
    header_value("GITHUB_COPILOT_API_VERSION", identity.api_version);
    header_value("GITHUB_COPILOT_OPENAI_INTENT", identity.openai_intent);
    if (!text("GITHUB_COPILOT_CLIENT_ID").empty())
      header_value("GITHUB_COPILOT_CLIENT_ID", identity.client_id);
  }

  void proxy(std::initializer_list<std::string_view> names, Secret& target) {
    for (auto name : names) {
      auto const* value = find(name);
      if (value == nullptr || value->text.empty()) continue;
      target = Secret(value->text);
      loaded_.config.proxy.origin = value->origin.text() + " " + std::string(name);
      protect_password(value->text);
      return;
    }
  }

  // What stands between "//" and the last "@" of a proxy's address is secret; its host is for
  // messages.
  static void protect_password(std::string_view proxy) {
    auto const at = proxy.rfind('@');
    if (at == std::string_view::npos) return;
    auto const slashes = proxy.find("//");
    auto const begin = slashes == std::string_view::npos ? 0 : slashes + 2;
    if (begin >= at) return;
    auto const login = proxy.substr(begin, at - begin);
    log::protect(Secret(std::string(login)), "proxy-password");
    log::protect(Secret(std::string(login.substr(std::min(login.find(':'), login.size() - 1) + 1))),
                 "proxy-password");
  }

  void interpret_network() {
    auto& config = loaded_.config;
    // The upper-case HTTP_PROXY is not read: a CGI caller could set it through a request header.
    proxy({"http_proxy", "ALL_PROXY", "all_proxy"}, config.proxy.http_proxy);
    proxy({"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"}, config.proxy.https_proxy);
    config.proxy.no_proxy = text("NO_PROXY").empty() ? text("no_proxy") : text("NO_PROXY");
    config.ca_file = text("SSL_CERT_FILE").empty() ? text("CURL_CA_BUNDLE") : text("SSL_CERT_FILE");
    config.ca_path = text("SSL_CERT_DIR");
  }

  void add_setting(std::string const& key, Key::Visibility visibility) {
    Setting setting;
    setting.key = key;
    setting.secret = visibility == secret;
    if (auto const* value = find(key)) {
      setting.value = setting.secret ? (value->text.empty() ? "<empty>" : "<set>") : value->text;
      setting.origin = value->origin;
    }
    loaded_.settings.push_back(std::move(setting));
  }

  void list_settings() {
    for (auto const& key : keys) add_setting(std::string(key.name), key.visibility);
    for (auto const& [key, value] : values_) {
      if (mapped_name(key)) add_setting(key, Key::Visibility::plain);
    }
  }

  ConfigSources const& sources_;
  Values values_;
  LoadedConfig loaded_;
};

}  // namespace

std::string Origin::text() const {
  switch (kind) {
    case Kind::unset:
      return "not set";
    case Kind::built_in:
      return "default";
    case Kind::user_file:
    case Kind::directory_file:
    case Kind::env_file:
      return printable(file) + ":" + std::to_string(line);
    case Kind::environment:
      return "environment";
    case Kind::command_line:
      return "command line";
    case Kind::client:
      return "editor";
  }
  return "not set";
}

LoadedConfig load_config(ConfigSources const& sources) { return Loader(sources).load(); }

Result<std::string> check_account_name(std::string_view name) {
  bool const plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '@' || c == '-';
  });
  if (name.empty() || name.size() > 64 || !plain) {
    return fail(ErrorCode::config_invalid,
                "An account's name has 1 to 64 letters, digits, '.', '_', '@' or '-'.");
  }
  return std::string(name);
}

json::object config_json(LoadedConfig const& loaded) {
  json::array settings;
  for (auto const& setting : loaded.settings) {
    json::object row;
    row["key"] = setting.key;
    if (setting.origin.kind == Kind::unset) {
      row["value"] = nullptr;
    } else {
      row["value"] = log::safe(setting.value);
    }
    row["origin"] = setting.origin.text();
    settings.push_back(std::move(row));
  }
  json::array problems;
  for (auto const& problem : loaded.problems) problems.push_back(json::value(problem.message()));
  json::array warnings;
  for (auto const& warning : loaded.warnings) warnings.push_back(json::value(warning));
  json::object out;
  out["settings"] = std::move(settings);
  out["problems"] = std::move(problems);
  out["warnings"] = std::move(warnings);
  return out;
}

}  // namespace jumpseat
