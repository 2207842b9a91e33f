#include "protocol/embeddings.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "protocol/base64.h"
#include "protocol/json.h"
#include "protocol/request_members.h"
#include "protocol/scan.h"
#include "protocol/upstream.h"

namespace jumpseat {
namespace {

bool is_number(std::string_view value) {
  return !value.empty() && (value.front() == '-' || (value.front() >= '0' && value.front() <= '9'));
}

Error bad_answer(std::string what) {
  return fail(ErrorCode::bad_upstream_json,
              "GitHub Copilot's embeddings cannot be used: " + std::move(what) + ". Try again.");
}

// A number of tokens; 0 when upstream does not say.
std::int64_t tokens_at(std::string_view usage, std::string_view key) {
  auto const value = find_member(usage, key);
  auto const number = value ? whole_number(*value) : std::nullopt;
  return number && *number > 0 ? *number : 0;
}

std::int64_t sum(std::int64_t a, std::int64_t b) {
  return a > std::numeric_limits<std::int64_t>::max() - b ? std::numeric_limits<std::int64_t>::max()
                                                          : a + b;
}

// The nearest 32-bit float as four bytes, little-endian. A number that none holds: nothing.
std::optional<std::uint32_t> float_bits(std::string_view number) {
  double real = 0;
  auto const [stop, error] = std::from_chars(number.data(), number.data() + number.size(), real);
  if (stop != number.data() + number.size()) return std::nullopt;
  // from_chars does not tell too small from too large.
  if (error == std::errc::result_out_of_range) {
    bool const negative_exponent =
        number.find_first_of("eE") != std::string_view::npos &&
        number.find('-', number.find_first_of("eE")) != std::string_view::npos;
    bool const fraction = number.starts_with("0.") || number.starts_with("-0.");
    bool const small =
        negative_exponent || (fraction && number.find_first_of("eE") == std::string_view::npos);
    if (!small) return std::nullopt;
    real = 0;
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  if (std::abs(real) > static_cast<double>(std::numeric_limits<float>::max())) return std::nullopt;
  return std::bit_cast<std::uint32_t>(static_cast<float>(real));
}

}  // namespace

Result<EmbeddingsRequest> EmbeddingsRequest::parse(std::string body) {
  auto const given = RequestMembers::read(body, {"model", "input", "encoding_format", "dimensions"},
                                          "an OpenAI embeddings request");
  if (!given) return given.error();

  EmbeddingsRequest request;
  auto model = given->text("model");
  if (!model) return model.error();
  if (*model) request.model_ = std::move(**model);

  auto const format = given->text("encoding_format");
  if (!format) return format.error();
  if (*format == "base64") {
    request.encoding_ = Encoding::base64;
  } else if (*format && *format != "float") {
    return refuse("encoding_format", "must be \"float\" or \"base64\".");
  }
  auto const dimensions = given->whole_number("dimensions");
  if (!dimensions) return dimensions.error();
  if (*dimensions && **dimensions < 1) return refuse("dimensions", "must be at least 1.");

  auto const input = given->find("input");
  if (!input) return refuse("input", "is missing. Send a text, or an array of texts.");
  auto const keep = [&](std::string_view value) {
    request.inputs_.emplace_back(static_cast<std::size_t>(value.data() - body.data()),
                                 value.size());
  };
  if (is_string(*input)) {
    keep(*input);
  } else if (is_array(*input)) {
    for (std::string_view one : elements(*input)) {
      if (is_number(one) || is_array(one)) {
        return refuse("input", "holds token ids. Copilot takes text only: send strings.");
      }
      if (!is_string(one)) {
        return refuse("input[" + std::to_string(request.inputs_.size()) + "]", "must be a string.");
      }
      if (request.inputs_.size() == max_inputs) {
        return refuse("input", "holds more than " + std::to_string(max_inputs) +
                                   " texts. Send them in several requests.");
      }
      keep(one);
    }
    if (request.inputs_.empty()) return refuse("input", "is empty. Send at least one text.");
  } else {
    return refuse("input", "must be a string or an array of strings.");
  }
  request.body_ = std::move(body);
  return request;
}

std::string EmbeddingsRequest::upstream_body(std::string_view model, std::size_t first,
                                             std::size_t count) const {
  std::string input = "[";
  for (std::size_t i = first; i < first + count; ++i) {
    if (i > first) input += ',';
    input += std::string_view(body_).substr(inputs_[i].first, inputs_[i].second);
  }
  input += ']';
  Splice edit(body_);
  edit.set("model", quote(model));
  edit.set("input", std::move(input));
  for (std::string_view name : {"encoding_format", "service_tier", "initiator"}) edit.remove(name);
  return edit.text();
}

EmbeddingsAnswer::EmbeddingsAnswer(std::string model, EmbeddingsRequest::Encoding encoding,
                                   std::size_t inputs)
    : model_(std::move(model)), encoding_(encoding), vectors_(inputs) {}

Result<std::string> EmbeddingsAnswer::vector(std::string_view numbers) const {
  std::string bytes;
  std::size_t count = 0;
  for (std::string_view number : elements(numbers)) {
    if (!is_number(number)) return bad_answer("a vector holds something that is not a number");
    ++count;
    if (encoding_ == EmbeddingsRequest::Encoding::number) continue;
    auto const bits = float_bits(number);
    if (!bits) return bad_answer("a vector holds a number that no float can hold");
    for (unsigned shift = 0; shift < 32; shift += 8) {
      bytes += static_cast<char>(static_cast<unsigned char>(*bits >> shift));
    }
  }
  if (count == 0) return bad_answer("a vector is empty");
  if (encoding_ == EmbeddingsRequest::Encoding::number) return std::string(numbers);
  return '"' + base64_encode(bytes) + '"';
}

Result<void> EmbeddingsAnswer::add(std::string_view body, std::size_t first, std::size_t count) {
  if (auto const problem = check_json(body)) {
    return bad_answer("the answer is not JSON (" + problem->text() + ")");
  }
  auto const trimmed = body.substr(body.find_first_not_of(" \t\r\n"));
  if (auto const error = find_member(trimmed, "error"); error && !is_null(*error)) {
    auto const value = parse_json(*error);
    if (!value) return bad_answer("the answer is an error that cannot be read");
    return read_inband_error(*value);
  }
  auto const data = find_member(trimmed, "data");
  if (!data || !is_array(*data)) return bad_answer("there is no list of vectors");
  std::size_t position = 0;
  for (std::string_view one : elements(*data)) {
    auto const numbers = find_member(one, "embedding");
    if (!numbers || !is_array(*numbers)) return bad_answer("a result has no vector");
    auto const index_value = find_member(one, "index");
    auto const index = index_value && !is_null(*index_value)
                           ? whole_number(*index_value)
                           : std::optional(static_cast<std::int64_t>(position));
    if (!index || *index < 0 || static_cast<std::uint64_t>(*index) >= count) {
      return bad_answer("a result belongs to none of the inputs");
    }
    auto& slot = vectors_[first + static_cast<std::size_t>(*index)];
    if (!slot.empty()) return bad_answer("two results belong to one input");
    auto written = vector(*numbers);
    if (!written) return written.error();
    slot = std::move(*written);
    ++position;
  }
  if (position != count) {
    return bad_answer("there are " + std::to_string(position) + " vectors for " +
                      std::to_string(count) + " inputs");
  }
  if (auto const usage = find_member(trimmed, "usage"); usage && is_object(*usage)) {
    auto const prompt = tokens_at(*usage, "prompt_tokens");
    auto const total = tokens_at(*usage, "total_tokens");
    prompt_tokens_ = sum(prompt_tokens_, prompt == 0 ? total : prompt);
    total_tokens_ = sum(total_tokens_, total == 0 ? prompt : total);
  }
  return {};
}

std::string EmbeddingsAnswer::text() const {
  std::size_t size = 200 + model_.size();
  for (auto const& vector : vectors_) size += vector.size() + 60;
  std::string out;
  out.reserve(size);
  out += R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < vectors_.size(); ++i) {
    if (i > 0) out += ',';
    out += R"({"object":"embedding","index":)";
    out += std::to_string(i);
    out += R"(,"embedding":)";
    out += vectors_[i];
    out += '}';
  }
  out += R"(],"model":)" + quote(model_) + R"(,"usage":{"prompt_tokens":)" +
         std::to_string(prompt_tokens_) + R"(,"total_tokens":)" + std::to_string(total_tokens_) +
         "}}";
  return out;
}

}  // namespace jumpseat
