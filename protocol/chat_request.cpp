// Reading walks the caller's bytes in place, once, into the messages and on behind them; writing is
// one Splice over the top level, whose members the walk has noted.

#include "protocol/chat_request.h"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/request_members.h"
#include "protocol/scan.h"

namespace jumpseat {
namespace {

// Image parts as the three APIs spell them: "image_url" (Chat Completions), "input_image"
// (Responses), "image" (Messages). A part may hold parts of its own in `content`, as a tool's
// result does. The depth is bounded: check_json() saw to it.
bool holds_image(JsonWalk& content) {
  bool found = false;
  if (content.kind() == '[') {
    content.enter();
    while (content.next_element()) found |= holds_image(content);
  } else if (content.kind() == '{') {
    content.enter();
    for (Member member; content.next_member(member);) {
      if (member.is("content")) {
        found |= holds_image(content);
        continue;
      }
      std::string_view const value = content.pass();
      found |= member.is("type") && (is_text(value, "image_url") || is_text(value, "input_image") ||
                                     is_text(value, "image"));
    }
  } else {
    content.pass();
  }
  return found;
}

// What routing wants to know of the messages.
struct Messages {
  std::size_t count = 0;
  std::optional<std::size_t> not_an_object;  // the first that is none
  std::optional<std::string_view> role;      // of the last message
  bool has_image = false;
};

Messages read_messages(JsonWalk& walk) {
  Messages messages;
  walk.enter();
  for (; walk.next_element(); ++messages.count) {
    messages.role.reset();
    if (walk.kind() != '{') {
      if (!messages.not_an_object) messages.not_an_object = messages.count;
      walk.pass();
      continue;
    }
    walk.enter();
    for (Member member; walk.next_member(member);) {
      if (member.is("content")) {
        messages.has_image |= holds_image(walk);
        continue;
      }
      std::string_view const value = walk.pass();
      if (member.is("role")) messages.role = value;
    }
  }
  return messages;
}

// The members that routing reads. Null counts as absent.
struct Routing {
  std::optional<std::string_view> model, messages, stream, stream_options, n, max_tokens,
      max_completion_tokens, initiator, tools, functions, store, partial_result_token,
      work_done_token;

  std::optional<std::string_view>* slot(std::string_view key) {
    if (key == "model") return &model;
    if (key == "messages") return &messages;
    if (key == "stream") return &stream;
    if (key == "stream_options") return &stream_options;
    if (key == "n") return &n;
    if (key == "max_tokens") return &max_tokens;
    if (key == "max_completion_tokens") return &max_completion_tokens;
    if (key == "initiator") return &initiator;
    if (key == "tools") return &tools;
    if (key == "functions") return &functions;
    if (key == "store") return &store;
    if (key == "partialResultToken") return &partial_result_token;
    if (key == "workDoneToken") return &work_done_token;
    return nullptr;
  }
};

bool has_elements(std::optional<std::string_view> const& array) {
  if (!array || !is_array(*array)) return false;
  auto const range = elements(*array);
  return range.begin() != range.end();
}

}  // namespace

Result<ChatRequest> ChatRequest::parse(std::string body) {
  std::size_t const start = body.find_first_not_of(" \t\r\n");
  if (start == std::string::npos || body[start] != '{') {
    return fail(ErrorCode::invalid_request,
                "The request is not a JSON object. Send an OpenAI Chat Completions request.");
  }
  ChatRequest request;
  Routing given;
  Messages messages;
  std::array<std::optional<std::string_view>*, 13> seen{};
  std::size_t seen_count = 0;
  request.members_.reserve(8);
  JsonWalk walk(body);
  walk.enter();
  for (Member member; walk.next_member(member);) {
    std::string const key = unescaped_key(member);
    if (chooses_destination(key)) {
      return refuse_destination(key);
    }
    auto* const slot = given.slot(key);
    if (slot != nullptr) {
      auto const seen_end = seen.begin() + static_cast<std::ptrdiff_t>(seen_count);
      if (std::find(seen.begin(), seen_end, slot) != seen_end) {
        return refuse(key, "is given twice. Give it once.");
      }
      seen[seen_count++] = slot;
    }
    if (slot == &given.messages && walk.kind() == '[') {
      messages = read_messages(walk);
    } else {
      walk.pass();
    }
    walk.complete(member);
    request.members_.emplace_back(body, member);
    if (slot != nullptr && !is_null(member.value)) *slot = member.value;
  }

  if (given.model) {
    if (!is_string(*given.model)) return refuse("model", "must be a string.");
    request.model_ = unescape(*given.model);
  }
  if (!given.messages || !is_array(*given.messages)) {
    return refuse("messages", "must be an array with at least one message.");
  }
  if (messages.not_an_object) {
    return refuse("messages[" + std::to_string(*messages.not_an_object) + "]",
                  "must be an object.");
  }
  if (messages.count == 0) return refuse("messages", "is empty. Send at least one message.");
  request.has_image_ = messages.has_image;

  if (given.stream) {
    auto const stream = boolean(*given.stream);
    if (!stream) return refuse("stream", "must be true or false.");
    request.stream_ = *stream;
  }
  if (given.stream_options) {
    if (!is_object(*given.stream_options)) return refuse("stream_options", "must be an object.");
    auto const include = find_member(*given.stream_options, "include_usage");
    if (include && !is_null(*include)) {
      auto const usage = boolean(*include);
      if (!usage) return refuse("stream_options.include_usage", "must be true or false.");
      request.include_usage_ = *usage;
    }
  }
  if (given.n) {
    auto const n = whole_number(*given.n);
    if (!n || *n < 1) return refuse("n", "must be a whole number of at least 1.");
    request.n_ = *n;
  }
  if (given.max_tokens) {
    request.token_cap_ = whole_number(*given.max_tokens);
    if (!request.token_cap_) return refuse("max_tokens", "must be a whole number.");
  }
  if (given.max_completion_tokens) {
    auto const cap = whole_number(*given.max_completion_tokens);
    if (!cap) return refuse("max_completion_tokens", "must be a whole number.");
    request.token_cap_ = std::min(*cap, request.token_cap_.value_or(*cap));
  }
  if (given.initiator) {
    if (is_text(*given.initiator, "user")) {
      request.initiator_ = Initiator::user;
    } else if (is_text(*given.initiator, "agent")) {
      request.initiator_ = Initiator::agent;
    } else {
      return refuse("initiator", "must be \"user\" or \"agent\".");
    }
  } else {
    bool const from_user = messages.role && is_text(*messages.role, "user");
    request.initiator_ = from_user ? Initiator::user : Initiator::agent;
  }
  auto const keep = [](std::optional<std::string_view> const& value) {
    return value ? std::string(*value) : std::string();
  };
  request.partial_result_token_ = keep(given.partial_result_token);
  request.work_done_token_ = keep(given.work_done_token);
  request.written_.model = keep(given.model);
  request.written_.stream_options = keep(given.stream_options);
  request.written_.max_tokens = keep(given.max_tokens);
  request.written_.max_completion_tokens = keep(given.max_completion_tokens);
  request.written_.store = given.store == "true";
  request.has_tools_ = has_elements(given.tools) || has_elements(given.functions);
  request.body_ = std::move(body);
  return request;
}

std::string ChatRequest::upstream_body(Upstream const& change) const& {
  Splice splice(body_, members_);
  edit(splice, change);
  return splice.text();
}

std::string ChatRequest::upstream_body(Upstream const& change) && {
  Splice splice(body_, members_);
  edit(splice, change);
  std::move(splice).apply(body_);
  return std::move(body_);
}

void ChatRequest::edit(Splice& splice, Upstream const& change) const {
  if (!is_text(written_.model, change.model)) splice.set("model", quote(change.model));

  bool const old_spelling = change.spelling == TokenCapSpelling::max_tokens;
  std::string const& right = old_spelling ? written_.max_tokens : written_.max_completion_tokens;
  splice.remove(old_spelling ? "max_completion_tokens" : "max_tokens");
  if (token_cap_) {
    std::int64_t const cap =
        *token_cap_ > 0 ? std::min(*token_cap_, change.max_tokens_limit) : *token_cap_;
    if (whole_number(right) != cap) {
      splice.set(old_spelling ? "max_tokens" : "max_completion_tokens", std::to_string(cap));
    }
  }

  switch (change.mode) {
    case Upstream::Mode::stream: {
      if (!stream_) splice.set("stream", "true");
      if (written_.stream_options.empty()) {
        splice.set("stream_options", R"({"include_usage":true})");
      } else if (!include_usage_) {
        Splice merged(written_.stream_options);
        merged.set("include_usage", "true");
        splice.set("stream_options", merged.text());
      }
      break;
    }
    case Upstream::Mode::whole: {
      if (stream_) splice.set("stream", "false");
      splice.remove("stream_options");
      break;
    }
  }

  splice.remove("service_tier");
  if (written_.store) splice.remove("store");
  for (std::string_view own : {"initiator", "partialResultToken", "workDoneToken"}) {
    splice.remove(own);
  }
}

}  // namespace jumpseat
