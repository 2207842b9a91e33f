// What leaves the process for a log or a terminal holds no secret: registered ones in every
// spelling, and what merely looks like one. And ordinary text stays as it is.
#include "protocol/redaction.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "protocol/url.h"
#include "tests/support/show.h"

using namespace jumpseat;

namespace {

constexpr std::string_view github_token = "gho_16C7e42F292c6912E7710c838347Ae178B4a";
constexpr std::string_view copilot_token =
    "tid=00000000000000000000000000000001;exp=1790000000;sku=monthly_subscriber;"
    "proxy-ep=proxy.individual.githubcopilot.com;st=dotcom;chat=1;ip=192.0.2.7;8kp=1:"
    "0f0e0d0c0b0a9f8e";
// Looks like nothing in particular: only registration can find it.
constexpr std::string_view plain_secret = "Correct/Horse+Battery=Staple~\"\\\t\xc3\xa9 en d";

Redactor knowing(std::string_view secret, std::string_view kind = "key") {
  Redactor redactor;
  redactor.add(Secret(std::string(secret)), kind);
  return redactor;
}

std::string percent_encoded(std::string_view text, bool all, std::string_view digits) {
  std::string out;
  for (char const c : text) {
    bool const safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.' || c == '~';
    if (safe && !all) {
      out += c;
      continue;
    }
    auto const byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string json_escaped(std::string_view text, bool all) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    if (!all && (c == '"' || c == '\\' || c == '/')) {
      out += '\\';
      out += c;
    } else if (c == '\t' && !all) {
      out += "\\t";
    } else if (byte < 0x80 && (all || byte < 0x20)) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

std::string base64(std::string_view text, std::string_view alphabet, bool padded) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (char const c : text) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    held += 8;
    while (held >= 6) {
      held -= 6;
      out += alphabet[(bits >> held) & 63];
    }
  }
  if (held > 0) out += alphabet[(bits << (6 - held)) & 63];
  while (padded && out.size() % 4 != 0) out += '=';
  return out;
}

constexpr std::string_view standard_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// The first eight bytes in a row of `secret` that stand in `text`; empty when there are none.
std::string leak(std::string_view secret, std::string_view text) {
  for (std::size_t i = 0; i + 8 <= secret.size(); ++i)
    if (text.find(secret.substr(i, 8)) != std::string_view::npos)
      return std::string(secret.substr(i, 8));
  return {};
}

}  // namespace

TEST_CASE("S14: a registered secret is masked by its kind alone, wherever it stands") {
  for (std::string_view const secret : {github_token, copilot_token, plain_secret}) {
    Redactor const redactor = knowing(secret);
    INFO(secret);
    CHECK(redactor.redact("before " + std::string(secret) + " after") ==
          "before <key:redacted> after");
    CHECK(redactor.redact(secret) == "<key:redacted>");
    CHECK(redactor.redact(std::string(secret) + std::string(secret)) == "<key:redacted>");
    // Glued to other words.
    CHECK(leak(secret, redactor.redact("xx" + std::string(secret) + "yy")).empty());
  }
}

TEST_CASE("S14: no eight bytes of a secret survive, however it was cut off") {
  for (std::string_view const secret : {github_token, plain_secret}) {
    Redactor const redactor = knowing(secret);
    for (std::size_t from = 0; from < secret.size(); ++from) {
      for (std::size_t size = 1; from + size <= secret.size(); ++size) {
        std::string const cut(secret.substr(from, size));
        std::string const out = redactor.redact("[" + cut + "]");
        INFO(cut);
        if (leak(secret, out) != "") FAIL("leaked " << leak(secret, out));
        if (size >= 8) CHECK(out == "[<key:redacted>]");
      }
    }
  }
}

TEST_CASE("S14: encodings of a secret are masked too") {
  for (std::string_view const secret : {github_token, copilot_token, plain_secret}) {
    Redactor const redactor = knowing(secret);
    std::vector<std::string> const encoded = {
        percent_encoded(secret, false, "0123456789ABCDEF"),
        percent_encoded(secret, false, "0123456789abcdef"),
        percent_encoded(secret, true, "0123456789ABCDEF"),
        form_encode(secret),
        json_escaped(secret, false),
        json_escaped(secret, true),
    };
    for (std::string const& spelling : encoded) {
      INFO(spelling);
      CHECK(redactor.redact("a=" + spelling + " b") == "a=<key:redacted> b");
    }
    for (std::string_view const alphabet : {standard_alphabet, url_alphabet}) {
      for (bool const padded : {true, false}) {
        // Every alignment: zero to three bytes stand before the secret, and something after it.
        for (std::string_view const before : {"", "a", "ab", "abc"}) {
          std::string const secret_part = base64(secret, alphabet, padded);
          std::string const text =
              base64(std::string(before) + std::string(secret) + "z", alphabet, padded);
          std::string const out = redactor.redact("<" + text + ">");
          INFO(text << " -> " << out);
          CHECK_THAT(out, Catch::Contains("<key:redacted>"));
          CHECK(out.size() < 30);  // all but an edge is gone
        }
      }
    }
    // Basic authentication.
    std::string const basic = redactor.redact(
        "proxy: Basic " + base64("user:" + std::string(secret), standard_alphabet, true));
    CHECK_THAT(basic, Catch::StartsWith("proxy: Basic <"));
    CHECK(basic.size() < 40);
  }
}

TEST_CASE("S14: names and hosts inside of a token stay readable where they stand alone") {
  Redactor redactor = knowing(copilot_token, "copilot-token");
  redactor.add(Secret("github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz"), "github-pat");
  for (std::string_view const text :
       {"connecting to proxy.individual.githubcopilot.com", "host api.individual.githubcopilot.com",
        "sku=monthly_subscriber", "fine-grained personal access token (github_pat_)",
        "the proxy-ep= field", "monthly_subscriber;proxy-ep=proxy.individual.githubcopilot.com"})
    CHECK(redactor.redact(text) == text);
  // But in a piece of the token they go with it.
  CHECK(redactor.redact("0001;exp=1790000000;sku=monthly_subscriber;proxy-ep=proxy.ind") ==
        "<copilot-token:redacted>");
  CHECK(redactor.redact("githubcopilot.com;st=dotcom;chat=1;ip=192.0.2.7") ==
        "<copilot-token:redacted>");
  CHECK(redactor.redact("exp=1790000000") == "<copilot-token:redacted>");
}

TEST_CASE("short words are not registered, and the newest eight of a kind are known") {
  Redactor const redactor = knowing("seven77");
  CHECK(redactor.redact("seven77") == "seven77");

  Redactor many;
  many.add(Secret("another-kind-of-secret"), "other");
  for (int i = 0; i < 100; ++i)
    many.add(Secret("secret-number-" + std::to_string(1000000 + i) + "-#"), "key");
  CHECK(many.redact("[" + std::to_string(1000099) + "-#]") == "[<key:redacted>]");
  CHECK(many.redact("[" + std::to_string(1000092) + "-#]") == "[<key:redacted>]");
  CHECK(many.redact("[" + std::to_string(1000091) + "-#]") == "[1000091-#]");
  CHECK(many.redact("another-kind-of-secret") == "<other:redacted>");

  // Registering one again changes nothing.
  Redactor twice = knowing(plain_secret);
  for (int i = 0; i < 20; ++i) twice.add(Secret(std::string(github_token)), "key");
  CHECK(twice.redact(plain_secret) == "<key:redacted>");
}

TEST_CASE("S14: what looks like a credential is masked without being registered") {
  struct Row {
    std::string text, expected;
  };
  std::string const body = "16C7e42F292c6912E7710c838347Ae178B4a";
  std::string const copilot(copilot_token);
  std::vector<Row> const rows = {
      {"gho_" + body, "<gho:redacted>"},
      {"ghu_" + body + " ghp_" + body, "<ghu:redacted> <ghp:redacted>"},
      {"ghs_" + body + ",ghr_" + body, "<ghs:redacted>,<ghr:redacted>"},
      {"github_pat_11ABCDEFG0_" + body, "<github-pat:redacted>"},
      {"x=\"gho_" + body + "\"", "x=\"<gho:redacted>\""},
      {"gho_12345678", "<gho:redacted>"},
      {"wordgho_" + body, "word<gho:redacted>"},
      {"\\ngho_12345678", "\\n<gho:redacted>"},
      {"%3Dghu_12345678", "%3D<ghu:redacted>"},
      {"\\u003dghu_12345678", "\\u003d<ghu:redacted>"},
      {copilot, "<copilot-token:redacted>"},
      {"token " + copilot + ".", "token <copilot-token:redacted>."},
      {"{\"token\":\"" + copilot + "\"}", "{\"token\":\"<copilot-token:redacted>\"}"},
      {percent_encoded(copilot, false, "0123456789ABCDEF") + "&x=1",
       "<copilot-token:redacted>&x=1"},
      {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
       "<jwt:redacted>"},
      {"a eyJhbGciOiJIUzI1NiIsInR5cCI6 b", "a <jwt:redacted> b"},
      {"Authorization: Bearer abc", "Authorization: Bearer <bearer:redacted>"},
      {"authorization: token abcdefghij\r\nHost: x",
       "authorization: token <token:redacted>\r\nHost: x"},
      {"AUTHORIZATION:Basic dXNlcjpwYXNz", "AUTHORIZATION:Basic <basic:redacted>"},
      {"\"authorization\": \"Bearer a.b-c_d~e+f/g=\", \"x\": 1",
       "\"authorization\": \"Bearer <bearer:redacted>\", \"x\": 1"},
      {"(\"authorization\", \"token abcdefgh\")",
       "(\"authorization\", \"token <token:redacted>\")"},
      {"Proxy-Authorization: Digest username=\"a\", response=\"b\"",
       "Proxy-Authorization: <authorization:redacted>"},
      {"sent Bearer abcdefghijklmnopqrst", "sent Bearer <bearer:redacted>"},
      {"sent bearer abc4efgh", "sent bearer <bearer:redacted>"},
      {"Cookie: a=b; c=d\nnext", "Cookie: <cookie:redacted>\nnext"},
      {"\"set-cookie\":\"_gh_sess=abc; path=/\",", "\"set-cookie\":\"<cookie:redacted>\","},
      {"device_code=0123456789abcdef0123456789abcdef01234567&grant_type=x",
       "device_code=<device-code:redacted>&grant_type=x"},
      {"{\"device_code\":\"0123456789abcdef0123456789abcdef01234567\",\"user_code\":\"ABCD-1234\"}",
       "{\"device_code\":\"<device-code:redacted>\",\"user_code\":\"ABCD-1234\"}"},
      {"{\"access_token\": \"an opaque value\", \"b\": 2}",
       "{\"access_token\": \"<access-token:redacted>\", \"b\": 2}"},
      {"access_token=opaquevalue&scope=read", "access_token=<access-token:redacted>&scope=read"},
      {"access_token%3Dopaquevalue", "access_token%3D<access-token:redacted>"},
      {"\"refresh_token\":\"quote\\\"inside\"", "\"refresh_token\":\"<refresh-token:redacted>\""},
      {"{\\\"client_secret\\\":\\\"opaquevalue\\\",\\\"x\\\":1}",
       "{\\\"client_secret\\\":\\\"<client-secret:redacted>\\\",\\\"x\\\":1}"},
      {"{'api_key': 'opaquevalue'}", "{'api_key': '<api-key:redacted>'}"},
      {"x-api-key: 0123456789abcdef0123", "x-api-key: <api-key:redacted>"},
      {"LITELLM_PROXY_API_KEY=opaquevalue", "LITELLM_PROXY_API_KEY=<api-key:redacted>"},
      {"GITHUB_TOKEN=opaquevalue next", "GITHUB_TOKEN=<github-token:redacted> next"},
      {"sk-proj-abcdefghijklmnop1234", "<api-key:redacted>"},
      {"key sk-1234567890abcdefghijklmn.", "key <api-key:redacted>."},
      {"proxy http://user:pa55@proxy.example:8080/ failed",
       "proxy http://<userinfo:redacted>@proxy.example:8080/ failed"},
      {"https://a:b@c@host/x", "https://<userinfo:redacted>@host/x"},
  };
  Redactor const redactor;
  for (Row const& row : rows) {
    INFO(row.text);
    std::string const out = redactor.redact(row.text);
    CHECK(out == row.expected);
    CHECK(redactor.redact(out) == out);
  }
}

TEST_CASE("ordinary text stays as it is") {
  Redactor redactor = knowing(copilot_token, "copilot-token");
  redactor.add(Secret(std::string(github_token)), "gho");
  for (std::string_view const text : {
           "",
           "\n",
           "signed in as octocat",
           "POST https://api.githubcopilot.com/chat/completions 200 in 1234 ms",
           "Missing required GitHub configuration: GITHUB_TOKEN",
           "GITHUB_TOKEN: GitHub token cannot be empty",
           "GITHUB_TOKEN: set it to a token with Copilot access, see https://github.com/settings",
           "OAuth token (gho_), App token (ghu_), github_pat_",
           "the highs_and_lows of eyJ and tid=5; disk-usage, task-force-of-twenty-letters",
           "Bearer tokens and Basic authentication are words",
           "authorization failed",
           "authorization: none",
           "cookie: none",
           "http://127.0.0.1:8123/login/device/code",
           "mail me@example.com about c:\\dir",
           "max_tokens=8192 total_tokens: 17 partialResultToken \"abc\"",
           "device_code_url=https://github.com/login/device/code",
           "{\"access_token\":null,\"api_key\":\"\"}",
           "\xff\xfe\x00 not UTF-8 \xc3",
           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
           "100% of \\ and %zz and \\u12",
       }) {
    CHECK(redactor.redact(text) == text);
  }
}

TEST_CASE("redaction takes linear time, also where patterns nearly match") {
  Redactor const redactor = knowing(copilot_token);
  for (std::string_view const piece :
       {"eyJ", "eyJabc.", "cookie: ", "authorization: ", "api_key: ", "access_token=\"", "://", "@",
        "tid=", "sk-", "gho_", "Bearer ", "%", "\\", "\\\\\"", "://a@", "AAAAAAAAAAAA",
        "tid=00000000"}) {
    auto const seconds = [&](std::size_t bytes) {
      std::string text;
      while (text.size() < bytes) text += piece;
      // The best of three: other processes may disturb one.
      double best = 1e9;
      for (int i = 0; i < 3; ++i) {
        auto const start = std::chrono::steady_clock::now();
        CHECK(redactor.redact(text).size() > 0);
        best = std::min(
            best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      }
      return best;
    };
    INFO(piece);
    // Sixteen times the text. Quadratic would be 256 times the time.
    CHECK(seconds(64'000) < 100 * seconds(4'000) + 0.001);
  }
}
