// ChatRequest: what it lets through becomes a body that is still JSON, still a request, bounded as
// asked, and in which everything that nobody had to change has its own bytes.

#include "protocol/chat_request.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/scan.h"

namespace jumpseat {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr std::array<std::string_view, 10> changed_members = {
    "model",        "max_tokens",     "max_completion_tokens",
    "stream",       "stream_options", "service_tier",
    "store",        "initiator",      "partialResultToken",
    "workDoneToken"};

std::string key_of(Member const& member) {
  return unescape(member.whole.substr(0, member.key.size() + 2));
}

// The members that must reach upstream as they are, in order.
std::vector<std::string_view> kept_members(std::string_view body) {
  std::vector<std::string_view> out;
  for (Member const& member : members(body)) {
    std::string const key = key_of(member);
    if (std::ranges::find(changed_members, key) == changed_members.end()) {
      out.push_back(member.whole);
    }
  }
  return out;
}

void examine(ChatRequest const& request, ChatRequest::Upstream const& change) {
  std::string const body = request.upstream_body(change);
  require(ChatRequest(request).upstream_body(change) == body);
  require(!check_json(body));
  require(kept_members(body) == kept_members(request.body()));
  for (std::string_view gone :
       {"service_tier", "initiator", "partialResultToken", "workDoneToken"}) {
    require(!find_member(body, gone));
  }

  auto const again = ChatRequest::parse(body);
  require(again.has_value());
  require(again->model() == change.model);
  require(again->has_image() == request.has_image());
  require(again->has_tools() == request.has_tools());
  require(again->answers() == request.answers());
  bool const streams = change.mode == ChatRequest::Upstream::Mode::stream;
  require(again->stream() == streams && again->include_usage() == streams);
  bool const old_spelling = change.spelling == TokenCapSpelling::max_tokens;
  require(!find_member(body, old_spelling ? "max_completion_tokens" : "max_tokens"));
  require(again->token_cap().has_value() == request.token_cap().has_value());
  if (request.token_cap()) {
    require(*again->token_cap() <= *request.token_cap());
    require(*again->token_cap() <= std::max<std::int64_t>(change.max_tokens_limit, 0));
  }
  // Nothing is left to change the second time.
  require(again->upstream_body(change) == body);
}

}  // namespace
}  // namespace jumpseat

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace jumpseat;
  std::string const text(reinterpret_cast<char const*>(data), size);
  if (check_json(text)) return 0;
  auto const request = ChatRequest::parse(text);
  if (!request) {
    require(request.error().code() == ErrorCode::invalid_request);
    return 0;
  }
  require(request->body() == text);
  for (auto const mode :
       {ChatRequest::Upstream::Mode::stream, ChatRequest::Upstream::Mode::whole}) {
    for (auto const spelling :
         {TokenCapSpelling::max_tokens, TokenCapSpelling::max_completion_tokens}) {
      examine(*request, {"up\"stream", 1000, spelling, mode});
    }
  }
  return 0;
}
