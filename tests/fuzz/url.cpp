// Whatever parse_url() accepts, it writes back in one stable spelling, in a closed set of
// characters, and curl splits it in the same way; whatever an issuer trusts is on its list, and a
// simulator never shares a host with GitHub (quality row S8).
#include "protocol/url.h"

#include <arpa/inet.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <curl/curl.h>

namespace {

using namespace jumpseat;

void require(bool condition, char const* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

// The same text, or the same IPv6 address: curl shortens those in a way of its own.
bool same_host(std::string const& theirs, std::string const& ours) {
  if (theirs == ours) return true;
  if (theirs.size() < 2 || theirs.front() != '[' || ours.size() < 2 || ours.front() != '[')
    return false;
  in6_addr a{};
  in6_addr b{};
  return inet_pton(AF_INET6, theirs.substr(1, theirs.size() - 2).c_str(), &a) == 1 &&
         inet_pton(AF_INET6, ours.substr(1, ours.size() - 2).c_str(), &b) == 1 &&
         std::memcmp(&a, &b, sizeof a) == 0;
}

// curl's URL parser, loaded by hand so that this program links like every other fuzzer.
struct Curl {
  void* const library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  decltype(&curl_url) const make = load<decltype(&curl_url)>("curl_url");
  decltype(&curl_url_cleanup) const cleanup = load<decltype(&curl_url_cleanup)>("curl_url_cleanup");
  decltype(&curl_url_set) const set = load<decltype(&curl_url_set)>("curl_url_set");
  decltype(&curl_url_get) const get = load<decltype(&curl_url_get)>("curl_url_get");
  decltype(&curl_free) const free = load<decltype(&curl_free)>("curl_free");

  Curl() {
    if (library == nullptr)
      std::fprintf(stderr, "libcurl.so.4 not found: nothing to compare with\n");
  }
  template <class Function>
  Function load(char const* name) const {
    return library == nullptr ? nullptr : reinterpret_cast<Function>(dlsym(library, name));
  }
  std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) const {
    char* text = nullptr;
    if (get(url, which, &text, flags) != CURLUE_OK) return {};
    std::string copy(text);
    free(text);
    return copy;
  }
};

void compare_with_curl(std::string const& text, Url const& url) {
  static Curl const curl;
  if (curl.library == nullptr) return;
  CURLU* const theirs = curl.make();
  // As curl reads CURLOPT_URL.
  require(curl.set(theirs, CURLUPART_URL, text.c_str(), CURLU_GUESS_SCHEME) == CURLUE_OK,
          "curl takes the URL too");
  require(curl.part(theirs, CURLUPART_SCHEME) == url.scheme, "curl sees the same scheme");
  std::string host = curl.part(theirs, CURLUPART_HOST);
  std::transform(host.begin(), host.end(), host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  require(same_host(host, url.host), "curl sees the same host");
  require(curl.part(theirs, CURLUPART_PORT, CURLU_DEFAULT_PORT) == std::to_string(url.port),
          "curl sees the same port");
  std::string target = curl.part(theirs, CURLUPART_PATH);
  std::string const query = curl.part(theirs, CURLUPART_QUERY);
  if (!query.empty()) target += "?" + query;
  // curl drops an empty query; so may the server.
  std::string mine = url.target;
  if (query.empty() && mine.ends_with('?') && mine.find('?') == mine.size() - 1) mine.pop_back();
  require(target == mine, "curl sees the same path and query");
  require(
      curl.part(theirs, CURLUPART_USER).empty() && curl.part(theirs, CURLUPART_PASSWORD).empty(),
      "curl sees no user");
  require(curl.part(theirs, CURLUPART_FRAGMENT).empty(), "curl sees no fragment");
  require(curl.part(theirs, CURLUPART_ZONEID).empty(), "curl sees no zone");
  curl.cleanup(theirs);
}

constexpr std::string_view trusted_hosts[] = {
    "github.com",
    "api.github.com",
    "api.githubcopilot.com",
    "api.individual.githubcopilot.com",
    "api.business.githubcopilot.com",
    "api.enterprise.githubcopilot.com",
    "proxy.individual.githubcopilot.com",
    "proxy.business.githubcopilot.com",
    "proxy.enterprise.githubcopilot.com",
    "copilot-proxy.githubusercontent.com",
};
constexpr std::string_view tenant_hosts[] = {"acme.ghe.com", "api.acme.ghe.com",
                                             "copilot-api.acme.ghe.com"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const text(reinterpret_cast<char const*>(data), size);
  static Issuer const github = *issuer_for_endpoint("https://api.github.com");
  static Issuer const tenant = *issuer_for_endpoint("https://api.acme.ghe.com");

  require(form_decode(form_encode(text)) == text, "a form gives back what went in");
  form_decode(text);

  // An endpoint or a simulator made of it is what it says.
  if (auto issuer = issuer_for_endpoint(text)) {
    require(issuer->trusts(issuer->exchange) && issuer->trusts(issuer->device_code) &&
                issuer->trusts(issuer->access_token) && issuer->trusts(issuer->user),
            "an issuer trusts its own services");
    require(!issuer->simulated(), "an endpoint is no simulator");
  }
  if (auto issuer = issuer_with_urls(github, text, text, text)) {
    require(issuer->simulated() == (issuer->origin != github.origin), "GitHub or a simulator");
    require(github.trusts(issuer->exchange) != issuer->simulated(),
            "GitHub's token stays at GitHub");
  }

  auto url = parse_url(text);
  if (!url) return 0;
  require(
      text.find_first_of("@#\\") == std::string::npos || url->target.find('@') != std::string::npos,
      "no userinfo, no fragment, no backslash");
  require(url->scheme == "http" || url->scheme == "https", "http or https");
  require(!url->host.empty(), "there is a host");
  require(
      url->host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.[:]") == std::string::npos,
      "the host's characters are in the set");
  require(url->target.starts_with('/'), "the target starts with a slash");
  require(url->port != 0, "there is a port");

  auto again = parse_url(url->text());
  require(again && *again == *url, "written and read again it is the same");
  require(again->text() == url->text(), "there is one spelling");
  compare_with_curl(text, *url);
  compare_with_curl(url->text(), *url);

  if (github.trusts(*url)) {
    require(url->scheme == "https" && url->port == 443, "https, port 443");
    require(std::count(std::begin(trusted_hosts), std::end(trusted_hosts), url->host) == 1,
            "the host is on the list");
  }
  if (tenant.trusts(*url)) {
    require(url->scheme == "https" && url->port == 443, "https, port 443");
    require(std::count(std::begin(tenant_hosts), std::end(tenant_hosts), url->host) == 1,
            "the host is the tenant's");
  }
  if (auto api = github.judge_api(text))
    require(github.trusts(*api), "a judged address is trusted");
  return 0;
}
