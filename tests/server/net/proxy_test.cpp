#include "server/net/proxy.h"

#include <string>

#include <catch2/catch.hpp>

using namespace jumpseat;

TEST_CASE("no_proxy is read as curl reads it") {
  struct Case {
    std::string no_proxy, url;
    bool direct;
  };
  auto const [no_proxy, url, direct] = GENERATE(values<Case>({
      {"", "https://api.github.com/", false},
      {"*", "https://api.github.com/", true},
      {"github.com", "https://github.com/", true},
      {"github.com", "https://api.github.com/", true},
      {".github.com", "https://api.github.com/", true},
      {".github.com", "https://github.com/", true},
      {"github.com", "https://notgithub.com/", false},
      {"github.com", "https://github.com.evil.example/", false},
      {"a.example, GitHub.COM", "https://api.github.com/", true},
      {"a.example github.com", "https://api.github.com/", true},
      {" , ,", "https://api.github.com/", false},
      {"192.0.2.7", "http://192.0.2.7/", true},
      {"192.0.2.7", "http://192.0.2.77/", false},
      {"192.0.2.0/24", "http://192.0.2.77/", true},
      {"192.0.2.0/25", "http://192.0.2.200/", false},
      {"0.0.0.0/0", "http://192.0.2.200/", true},
      {"192.0.2.0/33", "http://192.0.2.1/", false},
      {"192.0.2.0/x", "http://192.0.2.1/", false},
      {"2001:db8::/32", "http://[2001:db8::1]/", true},
      {"[2001:db8::1]", "http://[2001:db8::1]/", true},
      {"2001:db8::/32", "http://[2001:db9::1]/", false},
      {"10.0.0.0/8", "http://[2001:db8::1]/", false},
      // Loopback is never behind a proxy.
      {"", "http://127.0.0.1:4141/", true},
      {"", "http://[::1]/", true},
      {"", "http://localhost/", true},
      {"", "http://localhost.example/", false},
  }));
  CAPTURE(no_proxy, url);
  auto const parsed = parse_url(url);
  REQUIRE(static_cast<bool>(parsed));
  CHECK(bypasses_proxy(no_proxy, *parsed) == direct);
}

TEST_CASE("a proxy is named without its credentials") {
  CHECK(proxy_address("") == "");
  CHECK(proxy_address("proxy.example:3128") == "proxy.example:3128");
  CHECK(proxy_address("http://proxy.example:3128/") == "proxy.example:3128");
  CHECK(proxy_address("socks5h://user:pw@proxy.example:1080") == "proxy.example:1080");
  CHECK(proxy_address("http://us@er:p/w?#@[2001:db8::1]:80/x") == "[2001:db8::1]:80");
  CHECK(proxy_address("user:pw@proxy.example") == "proxy.example");
}

TEST_CASE("a proxy that is asked for pages gets its login, one that passes bytes on none") {
  auto const login = [](std::string setting) {
    return page_proxy_login(Secret(std::move(setting)));
  };
  CHECK(login("http://user:pw@proxy.test:3128")->reveal() == "Basic dXNlcjpwdw==");
  CHECK(login("user:pw@proxy.test:3128")->reveal() == "Basic dXNlcjpwdw==");
  CHECK(login("https://us%65r:p%40w%zz@proxy.test")->reveal() == "Basic dXNlcjpwQHcleno=");
  CHECK(login("http://user@proxy.test")->reveal() == "Basic dXNlcjo=");
  CHECK(login("http://proxy.test:3128")->empty());
  CHECK_FALSE(login("socks5h://user:pw@proxy.test:1080"));
}
