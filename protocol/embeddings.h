// Embeddings (OpenAI API reference, "Create embeddings") over Copilot's POST /embeddings, which is
// narrower than OpenAI's: it takes arrays of texts only, not more of them at a time than the
// model's `max_inputs`, and knows no `encoding_format`. A request is read in place and cut into
// batches; EmbeddingsAnswer joins what comes back, without a tree: an answer may have tens of MB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/result.h"

namespace jumpseat {

class EmbeddingsRequest {
 public:
  // How the caller wants its vectors: numbers, or little-endian 32-bit floats in base64.
  enum class Encoding { number, base64 };
  // As many as OpenAI takes in one request.
  static constexpr std::size_t max_inputs = 2048;

  // `body` is JSON that passed check_json(); it is kept. Fails with invalid_request, naming the
  // member: not an object; no `input`, an empty one, too many, or one that is not text (token ids:
  // Copilot takes none); model, encoding_format or dimensions of the wrong type; a member that
  // chooses a destination (quality row S7).
  static Result<EmbeddingsRequest> parse(std::string body);

  // Empty when the request names none.
  std::string const& model() const { return model_; }
  std::size_t inputs() const { return inputs_.size(); }
  Encoding encoding() const { return encoding_; }
  std::string const& body() const { return body_; }

  // The body to send for inputs `first` … `first + count - 1`: the model renamed, `input` an array,
  // encoding_format and our own members removed; all else is untouched.
  std::string upstream_body(std::string_view model, std::size_t first, std::size_t count) const;

 private:
  EmbeddingsRequest() = default;

  std::string body_;
  std::string model_;
  Encoding encoding_ = Encoding::number;
  std::vector<std::pair<std::size_t, std::size_t>> inputs_;  // offset and length in body_
};

// Collects the answers to the batches of one request and writes the whole one.
class EmbeddingsAnswer {
 public:
  // `model` is the name that was asked for.
  EmbeddingsAnswer(std::string model, EmbeddingsRequest::Encoding encoding, std::size_t inputs);

  // Upstream's reply for the batch at `first`. Its results may come in any order, and without
  // `object` and `index`. Fails with bad_upstream_json when there is not exactly one vector of
  // numbers for each input, or with the error that a 200 body may hold.
  Result<void> add(std::string_view body, std::size_t first, std::size_t count);

  // The `list` of all vectors, in the order of the inputs, usage summed. Every batch was added.
  std::string text() const;
  std::int64_t prompt_tokens() const { return prompt_tokens_; }

 private:
  Result<std::string> vector(std::string_view numbers) const;

  std::string model_;
  EmbeddingsRequest::Encoding encoding_;
  std::vector<std::string> vectors_;  // as JSON
  std::int64_t prompt_tokens_ = 0;
  std::int64_t total_tokens_ = 0;
};

}  // namespace jumpseat
