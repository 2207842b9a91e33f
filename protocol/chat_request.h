// A Chat Completions request (OpenAI API reference, "Create chat completion") as a view over the
// caller's own JSON: what routing needs is read in place, what must change is spliced in, and all
// the rest reaches upstream byte for byte, known to us or not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "protocol/scan.h"

namespace jumpseat {

// Who caused a request, for GitHub's accounting (header X-Initiator).
enum class Initiator { user, agent };

// Which member carries the cap on the answer's tokens.
enum class TokenCapSpelling { max_tokens, max_completion_tokens };

class ChatRequest {
 public:
  // `body` is JSON that passed check_json(); it is kept. Fails with invalid_request, naming the
  // member: not an object; no `messages` array or an empty one; a message that is not an object;
  // model, stream, stream_options, n, max_tokens, max_completion_tokens or initiator of the wrong
  // type; one of these, or messages, tools, functions, store or a token, given twice; and the
  // members with which a caller would choose where our credentials go (api_base, base_url, api_key,
  // api_version, extra_headers, custom_llm_provider; quality row S7), at the top level, in any
  // letter case, with or without the underscores. Null counts as absent.
  static Result<ChatRequest> parse(std::string body);

  std::string const& body() const { return body_; }
  // The model asked for; empty when the request names none.
  std::string const& model() const { return model_; }
  bool stream() const { return stream_; }
  bool include_usage() const { return include_usage_; }
  // Number of answers wanted; 1 when absent.
  std::int64_t answers() const { return n_; }
  // An explicit `initiator` member ("user" or "agent", ours, never sent upstream), or else the
  // last-message rule: anything but a `user` message at the end means agent.
  Initiator initiator() const { return initiator_; }
  // True when an image part is anywhere in `messages`, also inside a tool's result.
  bool has_image() const { return has_image_; }
  // The smaller of max_tokens and max_completion_tokens, if any.
  std::optional<std::int64_t> token_cap() const { return token_cap_; }
  bool has_tools() const { return has_tools_; }
  // Of a request that came by JSON-RPC (LSP 3.17, "Partial Result Progress", "Work Done Progress"):
  // the tokens' texts, so that they go back as they came, 1 and "1" apart. Empty when absent.
  std::string const& partial_result_token() const { return partial_result_token_; }
  std::string const& work_done_token() const { return work_done_token_; }

  struct Upstream {
    std::string model;                     // upstream's id
    std::int64_t max_tokens_limit = 8192;  // clamps down, never raises, never adds
    TokenCapSpelling spelling = TokenCapSpelling::max_tokens;
    enum class Mode { stream, whole } mode = Mode::stream;
  };
  // The body to send: model renamed; the cap clamped and under the spelling the model takes (0 or a
  // negative cap is left for upstream to refuse); `stream` set by mode, with
  // stream_options.include_usage true when streaming (its other members are kept) and no
  // stream_options when not; service_tier, store:true and our own members (initiator,
  // partialResultToken, workDoneToken) removed. All else is untouched. A request that is done with
  // gives its own memory for it: a long prompt is not copied.
  std::string upstream_body(Upstream const& change) const&;
  std::string upstream_body(Upstream const& change) &&;

 private:
  ChatRequest() = default;
  void edit(Splice& splice, Upstream const& change) const;

  // The values of members that upstream_body() may change, as the caller wrote them; empty when
  // absent or null.
  struct Written {
    std::string model;
    std::string stream_options;
    std::string max_tokens;
    std::string max_completion_tokens;
    bool store = false;
  };

  std::string body_;
  std::vector<MemberPlace> members_;  // of the body, all of them
  Written written_;
  std::string model_;
  std::string partial_result_token_;
  std::string work_done_token_;
  bool stream_ = false;
  bool include_usage_ = false;
  bool has_image_ = false;
  bool has_tools_ = false;
  std::int64_t n_ = 1;
  std::optional<std::int64_t> token_cap_;
  Initiator initiator_ = Initiator::user;
};

}  // namespace jumpseat
