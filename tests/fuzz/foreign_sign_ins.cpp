// Other programs' files: what is taken looks like a token and belongs to the host; nothing that is
// left out is repeated; what we write is read back.
#include "protocol/foreign_sign_ins.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/github_token.h"

namespace {

using namespace jumpseat;

void require(bool condition, char const* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

void check_apps(std::string_view text) {
  for (std::string_view const host : {"github.com", "127.0.0.1:8123"}) {
    auto const read = read_copilot_apps(text, host);
    if (!read) {
      require(read.error().message().starts_with("it is "), "a failure is a bare reason");
      continue;
    }
    for (auto const& each : read->found) {
      require(check_github_token(each.token.reveal()).has_value(), "what is found is a token");
      require(each.key.starts_with(host), "a key begins with its host");
      require(each.key.size() == host.size() || each.key[host.size()] == ':', "… and ends there");
    }
    for (auto const& reason : read->skipped) {
      require(reason.starts_with(host), "a reason begins with its key");
      for (char const c : reason) require(c == '\t' || (c & 0xe0) != 0, "no control characters");
    }
  }
}

void check_api_key(std::string_view text) {
  auto const read = read_litellm_api_key(text);
  if (!read) return;
  require(read->expires_at > 0 && !read->token.empty(), "a key has what LiteLLM needs");
  for (char const c : read->token.reveal()) require(c > ' ' && c < '\x7f', "it fits a header");
  auto const again =
      read_litellm_api_key(write_litellm_api_key(*read, "https://api.githubcopilot.com").reveal());
  require(again && again->token == read->token && again->expires_at == read->expires_at,
          "what is written is read back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  check_apps(text);
  check_api_key(text);
  return 0;
}
