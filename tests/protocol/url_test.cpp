// What parse_url() takes and refuses, and which hosts each issuer trusts.
#include "protocol/url.h"

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/show.h"

using namespace jumpseat;

namespace {

Url url(std::string_view text) {
  auto parsed = parse_url(text);
  INFO(text);
  REQUIRE(parsed);
  return *parsed;
}

// The message's cause, or "ok".
std::string verdict(std::string_view text) {
  auto parsed = parse_url(text);
  if (parsed) return "ok";
  CHECK(parsed.error().code() == ErrorCode::config_invalid);
  return parsed.error().message();
}

Issuer issuer(std::string_view endpoint) {
  auto made = issuer_for_endpoint(endpoint);
  INFO(endpoint);
  REQUIRE(made);
  return *made;
}

Issuer github() { return issuer("https://api.github.com"); }

Issuer simulator() {
  auto made = issuer_with_urls(github(), "http://127.0.0.1:8123/login/device/code",
                               "http://127.0.0.1:8123/login/oauth/access_token",
                               "http://127.0.0.1:8123/copilot_internal/v2/token");
  REQUIRE(made);
  return *made;
}

}  // namespace

TEST_CASE("a URL is split into its parts and written back in one spelling") {
  struct Row {
    std::string_view text, scheme, host;
    int port;
    std::string_view target, written;
  };
  std::vector<Row> const rows = {
      {"https://api.github.com", "https", "api.github.com", 443, "/", "https://api.github.com/"},
      {"https://api.github.com/", "https", "api.github.com", 443, "/", "https://api.github.com/"},
      {"HTTPS://API.GitHub.com:443/", "https", "api.github.com", 443, "/",
       "https://api.github.com/"},
      {"http://127.0.0.1:8123/a/b?c=d&e=%20", "http", "127.0.0.1", 8123, "/a/b?c=d&e=%20",
       "http://127.0.0.1:8123/a/b?c=d&e=%20"},
      {"http://localhost:80/x", "http", "localhost", 80, "/x", "http://localhost/x"},
      {"https://localhost:80/x", "https", "localhost", 80, "/x", "https://localhost:80/x"},
      {"https://h?q", "https", "h", 443, "/?q", "https://h/?q"},
      {"https://h/?q?r/..", "https", "h", 443, "/?q?r/..", "https://h/?q?r/.."},
      {"http://[::1]:9/", "http", "[::1]", 9, "/", "http://[::1]:9/"},
      {"http://[0:0:0:0:0:0:0:1]", "http", "[::1]", 80, "/", "http://[::1]/"},
      {"http://[2001:DB8::0:1]", "http", "[2001:db8::1]", 80, "/", "http://[2001:db8::1]/"},
      {"http://[::ffff:127.0.0.1]/", "http", "[::ffff:127.0.0.1]", 80, "/",
       "http://[::ffff:127.0.0.1]/"},
      {"https://xn--bcher-kva.example/~a;b,c", "https", "xn--bcher-kva.example", 443, "/~a;b,c",
       "https://xn--bcher-kva.example/~a;b,c"},
      {"https://a-b.c1/", "https", "a-b.c1", 443, "/", "https://a-b.c1/"},
      {"https://h//", "https", "h", 443, "//", "https://h//"},
      {"https://h/a/..b/.c/d.", "https", "h", 443, "/a/..b/.c/d.", "https://h/a/..b/.c/d."},
  };
  for (Row const& row : rows) {
    INFO(row.text);
    Url const parsed = url(row.text);
    CHECK(parsed.scheme == row.scheme);
    CHECK(parsed.host == row.host);
    CHECK(parsed.port == row.port);
    CHECK(parsed.target == row.target);
    CHECK(parsed.text() == row.written);
    CHECK(url(parsed.text()) == parsed);
  }
}

TEST_CASE("a URL that two readers could take differently is refused, with the cause") {
  struct Row {
    std::string_view text, cause;
  };
  std::vector<Row> const rows = {
      {"", "it is empty"},
      {"api.github.com", "start with https://"},
      {"//api.github.com", "start with https://"},
      {"https:/api.github.com", "start with https://"},
      {"https:api.github.com", "start with https://"},
      {"ftp://api.github.com", "start with https://"},
      {"file:///etc/passwd", "start with https://"},
      {"javascript:alert(1)", "start with https://"},
      {"javascript://api.github.com", "start with https://"},
      {"ht tps://h", "white space"},
      {" https://h", "white space"},
      {"https://h ", "white space"},
      {"https://h\n", "white space or a control"},
      {"https://h/\x01", "white space or a control"},
      {std::string_view("https://h/\0x", 11), "white space or a control"},
      {"https://h/\x7f", "white space or a control"},
      {"https://h\\@evil/", "backslash"},
      {"https://b\xc3\xbc"
       "cher.example/",
       "outside ASCII"},
      {"https://h/\xc3\xbc", "outside ASCII"},
      {"https://h/#f", "fragment"},
      {"https://h#", "fragment"},
      {"https://user@h/", "user name or a password"},
      {"https://user:pass@h/", "user name or a password"},
      {"https://@h/", "user name or a password"},
      {"https://", "the host is missing"},
      {"https:///x", "the host is missing"},
      {"https://:443/", "the host is missing"},
      {"https://?x", "the host is missing"},
      {"https://h./", "ends with a dot"},
      {"https://a..b/", "empty part"},
      {"https://.a/", "empty part"},
      {"https://a_b/", "not a letter"},
      {"https://a%2eb/", "not a letter"},
      {"https://h*/", "not a letter"},
      {"https://-a/", "starts or ends with '-'"},
      {"https://a-/", "starts or ends with '-'"},
      {"https://a-.b/", "starts or ends with '-'"},
      {"https://127.1/", "dotted-decimal"},
      {"https://2130706433/", "dotted-decimal"},
      {"https://0x7f000001/", "dotted-decimal"},
      {"https://0x7f.0.0.0x1/", "dotted-decimal"},
      {"https://0177.0.0.1/", "dotted-decimal"},
      {"https://127.0.0.01/", "dotted-decimal"},
      {"https://127.0.0.256/", "dotted-decimal"},
      {"https://127.0.0.1.1/", "dotted-decimal"},
      {"https://127.0.0.0x/", "dotted-decimal"},
      {"https://a.1/", "dotted-decimal"},
      {"https://[::1", "']' is missing"},
      {"https://[::1%25eth0]/", "not an IPv6 address"},
      {"https://[::1%eth0]/", "not an IPv6 address"},
      {"https://[127.0.0.1]/", "not an IPv6 address"},
      {"https://[]/", "not an IPv6 address"},
      {"https://[::1]x/", "other than a port"},
      {"https://[::g]/", "not an IPv6 address"},
      {"https://::1/", "the host is missing"},
      {"https://a:b:c/", "the port"},
      {"https://h:/", "the port"},
      {"https://h:0/", "the port"},
      {"https://h:0443/", "the port"},
      {"https://h:65536/", "the port"},
      {"https://h:99999999999999999999/", "the port"},
      {"https://h:+1/", "the port"},
      {"https://h:80x/", "the port"},
      {"https://h:https/", "the port"},
      {"https://[::1]:/", "the port"},
      {"https://h/..", "'.' or '..'"},
      {"https://h/a/../b", "'.' or '..'"},
      {"https://h/a/./b", "'.' or '..'"},
      {"https://h/%2e%2E/b", "'.' or '..'"},
      {"https://h/.%2e", "'.' or '..'"},
      {"https://h/%", "two hex digits"},
      {"https://h/%2", "two hex digits"},
      {"https://h/%zz", "two hex digits"},
      {"https://h/a\"b", "must be escaped"},
      {"https://h/<a>", "must be escaped"},
      {"https://h/a|b", "must be escaped"},
      {"https://h/[a]", "must be escaped"},
      {"https://h/{a}", "must be escaped"},
  };
  for (Row const& row : rows) {
    INFO(row.text);
    CHECK_THAT(verdict(row.text), Catch::Contains(std::string(row.cause)));
  }
  std::string const label(64, 'a');
  CHECK_THAT(verdict("https://" + label + ".b/"), Catch::Contains("longer than 63"));
  CHECK(verdict("https://" + label.substr(1) + ".b/") == "ok");
  std::string name;
  for (int i = 0; i < 4; ++i) name += label.substr(1) + ".";
  CHECK_THAT(verdict("https://" + name + "b/"), Catch::Contains("too long"));
  CHECK_THAT(verdict("https://h/" + std::string(5000, 'a')), Catch::Contains("longer than 4096"));
}

TEST_CASE("S14: what is refused is not repeated, it may hold a password") {
  for (std::string_view const text : {"https://me:hunter2hunter2@h/", "https://h/#hunter2hunter2",
                                      "hunter2hunter2", "https://hunter2hunter2 /"}) {
    CHECK_THAT(verdict(text), !Catch::Contains("hunter2"));
  }
}

TEST_CASE("loopback literals are numbers, not names") {
  CHECK(url("http://127.0.0.1").loopback_literal());
  CHECK(url("http://127.255.0.9").loopback_literal());
  CHECK(url("http://[::1]").loopback_literal());
  CHECK(url("http://[0::1]").loopback_literal());
  CHECK_FALSE(url("http://localhost").loopback_literal());
  CHECK_FALSE(url("http://127.0.0.1.example.com").loopback_literal());
  CHECK_FALSE(url("http://126.0.0.1").loopback_literal());
  CHECK_FALSE(url("http://0.0.0.0").loopback_literal());
  CHECK_FALSE(url("http://[::]").loopback_literal());
  CHECK_FALSE(url("http://[::ffff:127.0.0.1]").loopback_literal());
}

TEST_CASE("GitHub's issuer has GitHub's addresses") {
  Issuer const made = github();
  CHECK(made.origin == "https://github.com");
  CHECK(made.device_code.text() == "https://github.com/login/device/code");
  CHECK(made.access_token.text() == "https://github.com/login/oauth/access_token");
  CHECK(made.exchange.text() == "https://api.github.com/copilot_internal/v2/token");
  CHECK(made.user.text() == "https://api.github.com/copilot_internal/user");
  CHECK(made.verification_page == "https://github.com/login/device");
  CHECK(made.default_api == "https://api.githubcopilot.com");
  CHECK_FALSE(made.simulated());
  CHECK(issuer("https://api.github.com/").origin == made.origin);
  CHECK(issuer("HTTPS://API.GITHUB.COM:443").origin == made.origin);
}

TEST_CASE("a tenant's issuer has the tenant's addresses, and its tokens stay there") {
  Issuer const made = issuer("https://api.acme.ghe.com/");
  CHECK(made.origin == "https://acme.ghe.com");
  CHECK(made.device_code.text() == "https://acme.ghe.com/login/device/code");
  CHECK(made.access_token.text() == "https://acme.ghe.com/login/oauth/access_token");
  CHECK(made.exchange.text() == "https://api.acme.ghe.com/copilot_internal/v2/token");
  CHECK(made.user.text() == "https://api.acme.ghe.com/copilot_internal/user");
  CHECK(made.verification_page == "https://acme.ghe.com/login/device");
  CHECK(made.default_api == "https://copilot-api.acme.ghe.com");

  for (std::string_view const mine :
       {"https://acme.ghe.com", "https://api.acme.ghe.com", "https://copilot-api.acme.ghe.com"})
    CHECK(made.trusts(url(mine)));
  for (std::string_view const other :
       {"https://ghe.com", "https://evil.ghe.com", "https://api.evil.ghe.com",
        "https://copilot-api.evil.ghe.com", "https://x.acme.ghe.com", "https://api.x.acme.ghe.com",
        "https://apiacme.ghe.com", "https://acme.ghe.com.evil.com", "https://github.com",
        "https://api.github.com", "https://api.githubcopilot.com", "http://acme.ghe.com",
        "https://acme.ghe.com:8443", "http://127.0.0.1:8123"}) {
    INFO(other);
    CHECK_FALSE(made.trusts(url(other)));
  }
  CHECK_FALSE(github().trusts(url("https://api.acme.ghe.com")));
}

TEST_CASE("an endpoint that is not GitHub's is refused with the cause") {
  struct Row {
    std::string_view endpoint, cause;
  };
  std::vector<Row> const rows = {
      {"", "it is empty"},
      {"http://api.github.com", "https:// only"},
      {"https://github.com", "neither api.github.com nor api.<tenant>.ghe.com"},
      {"https://api.github.com.evil.com", "neither"},
      {"https://api.ghe.com", "neither"},
      {"https://ghe.com", "neither"},
      {"https://acme.ghe.com", "neither"},
      {"https://api.a.b.ghe.com", "neither"},
      {"https://api.api.ghe.com", "neither"},
      {"https://api..ghe.com", "empty part"},
      {"https://api.acme.ghe.com.evil.com", "neither"},
      {"https://api.github.com:8443", "port 443"},
      {"https://api.github.com/v3", "without a path"},
      {"https://api.github.com/?x", "without a path"},
      {"https://user@api.github.com", "user name"},
      {"http://127.0.0.1:8123", "https:// only"},
      {"https://127.0.0.1", "neither"},
  };
  for (Row const& row : rows) {
    INFO(row.endpoint);
    auto made = issuer_for_endpoint(row.endpoint);
    REQUIRE_FALSE(made);
    CHECK(made.error().code() == ErrorCode::config_invalid);
    CHECK_THAT(made.error().message(), Catch::Contains(std::string(row.cause)));
  }
}

TEST_CASE("S8: GitHub's credentials go to the listed hosts") {
  Issuer const made = github();
  for (std::string_view const host :
       {"github.com", "api.github.com", "api.githubcopilot.com", "api.individual.githubcopilot.com",
        "api.business.githubcopilot.com", "api.enterprise.githubcopilot.com",
        "proxy.individual.githubcopilot.com", "proxy.business.githubcopilot.com",
        "proxy.enterprise.githubcopilot.com", "copilot-proxy.githubusercontent.com"}) {
    INFO(host);
    CHECK(made.trusts(url("https://" + std::string(host))));
    CHECK(made.trusts(url("https://" + std::string(host) + ":443/any/path?and=query")));
    CHECK_FALSE(made.trusts(url("http://" + std::string(host))));
    CHECK_FALSE(made.trusts(url("http://" + std::string(host) + ":443")));
    CHECK_FALSE(made.trusts(url("https://" + std::string(host) + ":8443")));
  }
  auto api = made.judge_api("https://API.individual.githubcopilot.com/");
  REQUIRE(api);
  CHECK(api->text() == "https://api.individual.githubcopilot.com/");
}

TEST_CASE("S8: none of 80 look-alikes sees a credential") {
  // As an API address that a token reply brought. Some do not even parse; none may be trusted.
  std::vector<std::string_view> const rows = {
      "https://api.githubcopilot.com.evil",
      "https://api.githubcopilot.com.evil.com",
      "https://api.githubcopilot.com@evil.com",
      "https://api.githubcopilot.com:443@evil.com",
      "https://api.githubcopilot.com%40evil.com",
      "https://evil.com@api.githubcopilot.com",
      "https://token:x@api.githubcopilot.com",
      "https://evil.com#api.githubcopilot.com",
      "https://evil.com#@api.githubcopilot.com",
      "https://api.githubcopilot.com#.evil.com",
      "https://evil.com\\api.githubcopilot.com",
      "https://evil.com\\@api.githubcopilot.com",
      "https://api.githubcopilot.com\\@evil.com",
      "https://api.githubcopilot.com\\.evil.com",
      "https:\\\\api.githubcopilot.com",
      "https://evil.com/api.githubcopilot.com",
      "https://evil.com?api.githubcopilot.com",
      "https://evil.com/?x=https://api.githubcopilot.com",
      "https://api.githubcopilot.com?.evil.com",
      "https://api.githubcopilot.com/../evil",
      "https://api.githubcopilot.com.",
      "https://api.githubcopilot.com..",
      "https://.api.githubcopilot.com",
      "https://api..githubcopilot.com",
      "https://api.githubcopilot.com%00.evil.com",
      "https://api.githubcopilot.com%2eevil.com",
      "https://api%2egithubcopilot%2ecom",
      "https://api.githubcopilot.com%0d%0aHost:evil.com",
      "https://api.githubcopilot.com\r\nHost: evil.com",
      "https://api.githubcopilot.com\nevil.com",
      "https://api.githubcopilot.com\tevil.com",
      "https://api.githubcopilot.com evil.com",
      " https://api.githubcopilot.com",
      "https://api.githubcopilot.com ",
      std::string_view("https://api.githubcopilot.com\0.evil.com", 39),
      "https://api.githubcop\xc4\xb1lot.com",
      "https://api.g\xd1\x96thubcopilot.com",
      "https://api\xe3\x80\x82githubcopilot.com",
      "https://api.githubcopilot\xef\xbc\x8e"
      "com",
      "https://\xef\xbd\x81pi.githubcopilot.com",
      "https://api.githubcopilot.com\xc2\xad",
      "https://api.xn--githubcopilot-xyz.com",
      "https://xn--api-8cd.githubcopilot.com",
      "https://api-githubcopilot.com",
      "https://apigithubcopilot.com",
      "https://api.githubcopilot.co",
      "https://api.githubcopilot.com.co",
      "https://api.githubcopilot.comm",
      "https://api.github-copilot.com",
      "https://api.githubcopi1ot.com",
      "https://githubcopilot.com",
      "https://www.githubcopilot.com",
      "https://evil.githubcopilot.com",
      "https://api.evil.githubcopilot.com",
      "https://evil.api.githubcopilot.com",
      "https://api.individual.githubcopilot.com.evil.com",
      "https://api.individual.evil.githubcopilot.com",
      "https://api.individual-githubcopilot.com",
      "https://origin-tracker.individual.githubcopilot.com",
      "https://telemetry.individual.githubcopilot.com",
      "https://proxy.githubcopilot.com",
      "https://raw.githubusercontent.com",
      "https://evil.githubusercontent.com",
      "https://copilot-proxy.githubusercontent.com.evil.com",
      "https://gist.github.com",
      "https://uploads.github.com",
      "https://evil.github.io",
      "https://api.github.com.evil.com",
      "https://copilot-api.acme.ghe.com",
      "https://api.githubcopilot.com:80",
      "https://api.githubcopilot.com:4433",
      "https://api.githubcopilot.com:0443",
      "https://api.githubcopilot.com:",
      "http://api.githubcopilot.com",
      "http://api.githubcopilot.com:443",
      "httpss://api.githubcopilot.com",
      "ftp://api.githubcopilot.com",
      "javascript://api.githubcopilot.com/%0aalert(1)",
      "//api.githubcopilot.com",
      "api.githubcopilot.com",
      "https:/api.githubcopilot.com",
      "https:///api.githubcopilot.com",
      "https://127.0.0.1",
      "https://[::1]",
      "https://[::ffff:140.82.112.21]",
      "https://[fe80::1%25eth0]",
      "https://140.82.112.21",
      "https://2354212885",
      "https://localhost",
      "https://0.0.0.0",
  };
  CHECK(rows.size() >= 80);
  Issuer const made = github();
  for (std::string_view const row : rows) {
    INFO(row);
    auto judged = made.judge_api(row);
    REQUIRE_FALSE(judged);
    CHECK(judged.error().code() == ErrorCode::host_refused);
    auto parsed = parse_url(row);
    if (!parsed) continue;
    // A listed host with a path or a query may see a credential, but is no API address.
    if (parsed->host == "api.githubcopilot.com" && parsed->port == 443 && parsed->scheme == "https")
      continue;
    CHECK_FALSE(made.trusts(*parsed));
    CHECK_THAT(judged.error().message(), Catch::Contains(parsed->host));
  }
}

TEST_CASE("E4: a simulator trusts its own origin and nothing else") {
  Issuer const made = simulator();
  CHECK(made.simulated());
  CHECK(made.origin == "http://127.0.0.1:8123");
  CHECK(made.exchange.text() == "http://127.0.0.1:8123/copilot_internal/v2/token");
  CHECK(made.user.text() == "http://127.0.0.1:8123/copilot_internal/user");
  CHECK(made.verification_page == "http://127.0.0.1:8123/login/device");
  CHECK(made.default_api == "http://127.0.0.1:8123");
  CHECK(made.trusts(url("http://127.0.0.1:8123/anything")));
  REQUIRE(made.judge_api("http://127.0.0.1:8123"));
  for (std::string_view const other :
       {"http://127.0.0.1:8124", "http://127.0.0.1", "https://127.0.0.1:8123",
        "http://127.0.0.2:8123", "http://[::1]:8123", "http://localhost:8123", "https://github.com",
        "https://api.github.com", "https://api.githubcopilot.com",
        "https://api.individual.githubcopilot.com"}) {
    INFO(other);
    CHECK_FALSE(made.trusts(url(other)));
    auto judged = made.judge_api(other);
    REQUIRE_FALSE(judged);
    CHECK(judged.error().code() == ErrorCode::host_refused);
  }
}

TEST_CASE("E4: GitHub's issuer trusts no loopback") {
  for (std::string_view const loopback : {"http://127.0.0.1:8123", "https://127.0.0.1",
                                          "http://[::1]", "http://localhost", "https://localhost"})
    CHECK_FALSE(github().trusts(url(loopback)));
}

TEST_CASE("LiteLLM's three URLs name GitHub, or one simulator") {
  Issuer const base = github();

  SECTION("none, or GitHub's own: nothing changes") {
    auto same = issuer_with_urls(base, "", "", "");
    REQUIRE(same);
    CHECK(same->origin == base.origin);
    auto spelled = issuer_with_urls(base, "https://github.com/login/device/code",
                                    "https://GitHub.com:443/login/oauth/access_token",
                                    "https://api.github.com/copilot_internal/v2/token");
    REQUIRE(spelled);
    CHECK(spelled->origin == base.origin);
    CHECK(spelled->user == base.user);
    CHECK_FALSE(spelled->simulated());
  }
  SECTION("a path before the simulator's routes is kept") {
    auto made =
        issuer_with_urls(base, "http://[::1]:9/s1/login/device/code", "http://[::1]:9/s1/token",
                         "http://[0:0::1]:9/s1/copilot_internal/v2/token");
    REQUIRE(made);
    CHECK(made->origin == "http://[::1]:9");
    CHECK(made->user.text() == "http://[::1]:9/s1/copilot_internal/user");
    CHECK(made->device_code.text() == "http://[::1]:9/s1/login/device/code");
  }
  SECTION("anything else is refused and names its key") {
    struct Row {
      std::string_view device, access, exchange, key, cause;
    };
    constexpr std::string_view device = "http://127.0.0.1:1/d", access = "http://127.0.0.1:1/a",
                               exchange = "http://127.0.0.1:1/copilot_internal/v2/token";
    std::vector<Row> const rows = {
        {device, "", "", "GITHUB_COPILOT_ACCESS_TOKEN_URL", "all three or none"},
        {"", "", exchange, "GITHUB_COPILOT_DEVICE_CODE_URL", "all three or none"},
        {device, access, "", "GITHUB_COPILOT_API_KEY_URL", "all three or none"},
        {device, "http://127.0.0.1:2/a", exchange, "GITHUB_COPILOT_ACCESS_TOKEN_URL", "all three"},
        {device, "http://[::1]:1/a", exchange, "GITHUB_COPILOT_ACCESS_TOKEN_URL", "all three"},
        {device, access, "http://127.0.0.1:1/v2/token", "GITHUB_COPILOT_API_KEY_URL", "end with"},
        {device, access, "http://127.0.0.1:1/copilot_internal/v2/token?x",
         "GITHUB_COPILOT_API_KEY_URL", "end with"},
        {"http://localhost:1/d", access, exchange, "GITHUB_COPILOT_DEVICE_CODE_URL", "loopback"},
        {"http://evil.com/d", access, exchange, "GITHUB_COPILOT_DEVICE_CODE_URL", "loopback"},
        {"https://127.0.0.1:1/d", access, exchange, "GITHUB_COPILOT_DEVICE_CODE_URL", "loopback"},
        {"https://github.com/login/device", "", "", "GITHUB_COPILOT_DEVICE_CODE_URL", "loopback"},
        {"https://github.com.evil.com/login/device/code", "", "", "GITHUB_COPILOT_DEVICE_CODE_URL",
         "loopback"},
        {"", "", "https://api.acme.ghe.com/copilot_internal/v2/token", "GITHUB_COPILOT_API_KEY_URL",
         "loopback"},
        {"nonsense", "", "", "GITHUB_COPILOT_DEVICE_CODE_URL", "start with https://"},
    };
    for (Row const& row : rows) {
      INFO(row.device << " " << row.access << " " << row.exchange);
      auto made = issuer_with_urls(base, row.device, row.access, row.exchange);
      REQUIRE_FALSE(made);
      CHECK(made.error().code() == ErrorCode::config_invalid);
      CHECK_THAT(made.error().message(), Catch::StartsWith(std::string(row.key) + ": "));
      CHECK_THAT(made.error().message(), Catch::Contains(std::string(row.cause)));
    }
  }
}

TEST_CASE("one setting names the host: bare, or as a URI") {
  for (std::string const text : {"acme.ghe.com", "https://acme.ghe.com", "https://acme.ghe.com/",
                                 "ACME.ghe.com", "https://acme.ghe.com:443/"}) {
    INFO(text);
    auto issuer = issuer_for_host(text);
    REQUIRE(issuer);
    CHECK(issuer->origin == "https://acme.ghe.com");
    CHECK(issuer->host() == "acme.ghe.com");
    CHECK(issuer->device_code.text() == "https://acme.ghe.com/login/device/code");
    CHECK(issuer->access_token.text() == "https://acme.ghe.com/login/oauth/access_token");
    CHECK(issuer->exchange.text() == "https://api.acme.ghe.com/copilot_internal/v2/token");
    CHECK(issuer->user.text() == "https://api.acme.ghe.com/copilot_internal/user");
    CHECK(issuer->verification_page == "https://acme.ghe.com/login/device");
    CHECK(issuer->default_api == "https://copilot-api.acme.ghe.com");
  }
  CHECK(issuer_for_host("github.com")->origin == "https://github.com");
  CHECK(issuer_for_host("https://github.com/")->origin == "https://github.com");
}

TEST_CASE("S8: a host that is not GitHub's is refused, with the cause") {
  for (std::string const text : {"",
                                 "github.example",
                                 "ghe.com",
                                 "a.b.ghe.com",
                                 "acme.ghe.com.evil.example",
                                 "evil-ghe.com",
                                 "acme.ghe.com@evil.example",
                                 "http://acme.ghe.com",
                                 "https://acme.ghe.com:8443",
                                 "https://acme.ghe.com/path",
                                 "acme.ghe.com?x",
                                 "acme.ghe.com#x",
                                 "acme.ghe.com.",
                                 "127.0.0.1",
                                 "[::1]",
                                 "api.ghe.com",
                                 "copilot-api.ghe.com",
                                 "acme\\.ghe.com",
                                 "acme.ghe.com\n",
                                 "\xd0\xb0"
                                 "cme.ghe.com"}) {
    INFO(text);
    auto issuer = issuer_for_host(text);
    REQUIRE_FALSE(issuer);
    CHECK(issuer.error().code() == ErrorCode::config_invalid);
  }
  CHECK_THAT(issuer_for_host("github.corp.example").error().message(),
             Catch::Contains("GitHub Enterprise Server"));
}

TEST_CASE("a route goes below the path of its base, and is judged like a whole URL's") {
  CHECK(url("https://api.example.com").below("/models")->text() ==
        "https://api.example.com/models");
  CHECK(url("http://127.0.0.1:8123/base/v1").below("/chat/completions")->text() ==
        "http://127.0.0.1:8123/base/v1/chat/completions");
  CHECK(url("https://api.example.com").below("/v1/engines/gpt-41.b%2Fc/completions?x=1"));
  for (std::string const route :
       {"/v1/engines/../completions", "/v1/engines/%2e%2E/completions", "/.", "/a b", "/a\r\nb",
        "/a%2", "/a%zz", "/a#b", "/a\\b", "/\xc3\xa4"}) {
    CAPTURE(route);
    auto const refused = url("https://api.example.com").below(route);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ErrorCode::config_invalid);
  }
  auto const base = url("https://api.example.com/" + std::string(4000, 'a'));
  CHECK(base.below("/" + std::string(94, 'b')));
  CHECK_FALSE(base.below("/" + std::string(95, 'b')));
}

TEST_CASE("an origin is scheme, host and port") {
  auto const one = url("https://example.com/a?b");
  CHECK(one.same_origin(url("https://EXAMPLE.com:443/")));
  CHECK_FALSE(one.same_origin(url("http://example.com:443/a?b")));
  CHECK_FALSE(one.same_origin(url("https://example.com:444/a?b")));
  CHECK_FALSE(one.same_origin(url("https://www.example.com/a?b")));
}

TEST_CASE("form encoding is what a form says, and comes back the same") {
  CHECK(form_encode("read:user a+b&c=d/\xc3\xbc*-._~") ==
        "read%3Auser+a%2Bb%26c%3Dd%2F%C3%BC*-._%7E");
  CHECK(form_decode("a+b%20c%2b%zz%4") == "a b c+%zz%4");
  CHECK(form_decode("%") == "%");
  CHECK(form_encode("") == "");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  CHECK(form_decode(form_encode(all)) == all);
}
