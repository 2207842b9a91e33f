// Requests for embeddings and completions, and what upstream answers to them, on arbitrary bytes:
// no crash, bodies for upstream that are JSON, answers that are JSON, one vector per input.

#include "protocol/completions.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/embeddings.h"
#include "protocol/scan.h"

namespace jumpseat {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_json_object(std::string_view text) { return !check_json(text, 1024) && is_object(text); }

void examine_requests(std::string const& body) {
  if (check_json(body)) return;
  if (auto const request = EmbeddingsRequest::parse(body)) {
    auto const count = request->inputs();
    require(count > 0 && count <= EmbeddingsRequest::max_inputs);
    auto const whole = request->upstream_body("m", 0, count);
    require(!check_json(whole));
    auto const model = find_member(std::string_view(whole).substr(whole.find('{')), "model");
    require(model && *model == "\"m\"");
    require(!check_json(request->upstream_body("m", count - 1, 1)));
  } else {
    require(!request.error().message().empty());
  }
  if (auto const request = CompletionRequest::parse(body)) {
    for (std::size_t i = 0; i < request->prompts(); ++i) {
      auto const chat = request->chat_body(i);
      require(!check_json(chat));
      // A chat request may still be refused for members of its own, never for its shape.
      auto const parsed = ChatRequest::parse(chat);
      if (parsed) require(parsed->stream() && parsed->include_usage());
      require(!check_json(request->engine_body(i, 100)));
      static_cast<void>(request->prompt(i));
    }
  }
}

// The text as events, one per line.
void examine_chunks(std::string_view text) {
  for (bool const from_chat : {false, true}) {
    CompletionChunks::Options options;
    options.model = "asked";
    options.id = "cmpl-1";
    options.answers = 2;
    options.usage = CompletionChunks::Options::Usage::pass_on;
    CompletionChunks chunks(options);
    chunks.begin_prompt("e");
    CompletionAssembler whole;
    auto const take = [&](CompletionChunks::Chunks given) {
      for (auto const& chunk : *given) {
        require(is_json_object(chunk));
        whole.add(chunk);
      }
    };
    std::string_view rest = text;
    while (!rest.empty()) {
      auto const line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(line.size() == rest.size() ? line.size() : line.size() + 1);
      if (from_chat) {
        std::string const one[] = {std::string(line)};
        take(chunks.from_chat(one));
        continue;
      }
      auto const given = chunks.from_engine(line);
      if (!given) return;
      take(*given);
    }
    if (!from_chat) {
      auto const last = chunks.finish_engine({});
      if (!last) return;
      take(*last);
    }
    take(chunks.finish());
    require(is_json_object(whole.completion()));
  }
}

void examine_vectors(std::string_view body) {
  for (auto const encoding :
       {EmbeddingsRequest::Encoding::number, EmbeddingsRequest::Encoding::base64}) {
    EmbeddingsAnswer answer("asked", encoding, 2);
    if (answer.add(body, 0, 2)) require(is_json_object(answer.text()));
  }
}

}  // namespace
}  // namespace jumpseat

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const text(reinterpret_cast<char const*>(data), size);
  jumpseat::examine_requests(text);
  jumpseat::examine_chunks(text);
  jumpseat::examine_vectors(text);
  return 0;
}
