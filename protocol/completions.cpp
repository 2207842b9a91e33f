#include "protocol/completions.h"

#include <algorithm>
#include <array>
#include <limits>

#include "protocol/json.h"
#include "protocol/json_fields.h"
#include "protocol/request_members.h"
#include "protocol/scan.h"
#include "protocol/upstream.h"

namespace jumpseat {
namespace {

// Members that only this program reads, or that Copilot refuses.
constexpr std::array<std::string_view, 3> own_members = {"partialResultToken", "workDoneToken",
                                                         "service_tier"};

std::int64_t sum(std::int64_t a, std::int64_t b) {
  return a > std::numeric_limits<std::int64_t>::max() - b ? std::numeric_limits<std::int64_t>::max()
                                                          : a + b;
}

bool is_token(std::string_view value) {
  return !value.empty() && (is_array(value) || value.front() == '-' ||
                            (value.front() >= '0' && value.front() <= '9'));
}

// How many characters a UTF-8 text has: text_offset counts characters.
std::int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

// Chat completions end for more reasons than legacy ones know.
json::value legacy_finish(json::value const& reason) {
  if (reason == "tool_calls" || reason == "function_call") return "stop";
  return reason;
}

}  // namespace

Result<CompletionRequest> CompletionRequest::parse(std::string body) {
  auto const given =
      RequestMembers::read(body,
                           {"model", "prompt", "suffix", "echo", "n", "best_of", "stream",
                            "stream_options", "logprobs", "max_tokens", "messages", "initiator"},
                           "an OpenAI completions request");
  if (!given) return given.error();

  CompletionRequest request;
  auto model = given->text("model");
  if (!model) return model.error();
  if (*model) request.model_ = std::move(**model);

  if (given->find("messages")) {
    return refuse("messages", "belongs to chat completions: send it to /v1/chat/completions.");
  }
  auto const prompt = given->find("prompt");
  if (!prompt) return refuse("prompt", "is missing. Send a text, or an array of texts.");
  auto const keep = [&](std::string_view value) {
    request.prompts_.emplace_back(static_cast<std::size_t>(value.data() - body.data()),
                                  value.size());
  };
  if (is_string(*prompt)) {
    keep(*prompt);
  } else if (is_array(*prompt)) {
    for (std::string_view one : elements(*prompt)) {
      if (is_token(one)) return refuse("prompt", "holds token ids. Send the text itself.");
      if (!is_string(one)) {
        return refuse("prompt[" + std::to_string(request.prompts_.size()) + "]",
                      "must be a string.");
      }
      if (request.prompts_.size() == max_prompts) {
        return refuse("prompt", "holds more than " + std::to_string(max_prompts) +
                                    " texts, and each is a request to Copilot. Send fewer.");
      }
      keep(one);
    }
    if (request.prompts_.empty()) return refuse("prompt", "is empty. Send at least one text.");
  } else {
    return refuse("prompt", "must be a string or an array of strings.");
  }

  auto const suffix = given->text("suffix");
  if (!suffix) return suffix.error();
  request.has_suffix_ = suffix->has_value();

  auto const echo = given->boolean("echo");
  if (!echo) return echo.error();
  request.echo_ = *echo == true;
  auto const stream = given->boolean("stream");
  if (!stream) return stream.error();
  request.stream_ = *stream == true;

  if (auto const options = given->find("stream_options")) {
    if (!is_object(*options)) return refuse("stream_options", "must be an object.");
    auto const include = find_member(*options, "include_usage");
    if (include && !is_null(*include)) {
      auto const usage = boolean(*include);
      if (!usage) return refuse("stream_options.include_usage", "must be true or false.");
      request.include_usage_ = *usage;
    }
  }
  auto const n = given->whole_number("n");
  if (!n) return n.error();
  request.n_ = n->value_or(1);
  if (request.n_ < 1 || request.n_ > max_answers) {
    return refuse("n", "must be between 1 and " + std::to_string(max_answers) + ".");
  }
  auto const best_of = given->whole_number("best_of");
  if (!best_of) return best_of.error();
  if (best_of->value_or(request.n_) != request.n_) {
    return refuse("best_of",
                  "is not supported: Copilot cannot choose among answers. Leave it out, or give it "
                  "the value of `n`.");
  }
  auto const logprobs = given->whole_number("logprobs");
  if (!logprobs) return logprobs.error();
  if (*logprobs && (**logprobs < 0 || **logprobs > 20)) {
    return refuse("logprobs", "must be between 0 and 20.");
  }
  if (*logprobs && request.echo_) {
    return refuse("logprobs", "cannot be combined with `echo`: Copilot does not rate a prompt.");
  }
  request.logprobs_ = *logprobs;
  auto const cap = given->whole_number("max_tokens");
  if (!cap) return cap.error();
  request.max_tokens_ = *cap;

  auto const initiator = given->find("initiator");
  if (initiator && is_text(*initiator, "agent")) {
    request.initiator_ = Initiator::agent;
  } else if (initiator && !is_text(*initiator, "user")) {
    return refuse("initiator", "must be \"user\" or \"agent\".");
  }
  request.body_ = std::move(body);
  return request;
}

std::string CompletionRequest::prompt(std::size_t at) const {
  return unescape(std::string_view(body_).substr(prompts_[at].first, prompts_[at].second));
}

std::string CompletionRequest::chat_body(std::size_t at) const {
  auto const text = std::string_view(body_).substr(prompts_[at].first, prompts_[at].second);
  Splice edit(body_);
  for (std::string_view name : {"prompt", "suffix", "echo", "best_of", "logprobs"}) {
    edit.remove(name);
  }
  std::string messages = R"([{"role":"user","content":)";
  messages.append(text).append("}]");
  edit.set("messages", std::move(messages));
  edit.set("stream", "true");
  edit.set("stream_options", R"({"include_usage":true})");
  if (logprobs_) {
    edit.set("logprobs", "true");
    edit.set("top_logprobs", std::to_string(*logprobs_));
  }
  return edit.text();
}

std::string CompletionRequest::engine_body(std::size_t at, std::int64_t max_tokens_limit) const {
  Splice edit(body_);
  edit.set("prompt", body_.substr(prompts_[at].first, prompts_[at].second));
  for (std::string_view name :
       {"model", "echo", "best_of", "stream_options", "messages", "store", "initiator"}) {
    edit.remove(name);
  }
  for (std::string_view name : own_members) edit.remove(name);
  if (!has_suffix_) edit.remove("suffix");  // null
  if (max_tokens_ && *max_tokens_ > max_tokens_limit) {
    edit.set("max_tokens", std::to_string(max_tokens_limit));
  } else if (!max_tokens_) {
    edit.remove("max_tokens");  // null
  }
  edit.set("stream", "true");
  return edit.text();
}

void CompletionChunks::begin_prompt(std::string echo) {
  first_ = first_ < 0 ? 0 : first_ + options_.answers;
  echo_ = std::move(echo);
  choices_.clear();
  done_ = false;
  good_events_ = 0;
  skipped_ = 0;
  past_prompt_tokens_ = prompt_tokens_;
  past_completion_tokens_ = completion_tokens_;
}

json::object CompletionChunks::head() const {
  json::object chunk;
  chunk["id"] = options_.id;
  chunk["object"] = "text_completion";
  chunk["created"] = options_.created;
  chunk["model"] = options_.model;
  return chunk;
}

void CompletionChunks::put(std::int64_t index, std::string text, json::value logprobs,
                           json::value finish_reason, json::object more) {
  auto& choice = choices_[index];
  if (!choice.started) {
    choice.started = true;
    text.insert(0, echo_);
  }
  bool const silent = text.empty() && finish_reason.is_null() && logprobs.is_null() && more.empty();
  if (silent) return;
  if (!finish_reason.is_null()) choice.finished = true;
  text_bytes_ += text.size();
  json::object out = std::move(more);
  out["index"] = first_ + index;
  out["text"] = text;
  out["logprobs"] = std::move(logprobs);
  out["finish_reason"] = std::move(finish_reason);
  auto chunk = head();
  json::array one;
  one.push_back(std::move(out));
  chunk["choices"] = std::move(one);
  out_.push_back(json::serialize(chunk));
}

// {"content":[{"token","logprob","top_logprobs":[{"token","logprob"}]}]} becomes {"tokens",
// "token_logprobs","top_logprobs","text_offset"}.
json::value CompletionChunks::legacy_logprobs(Choice& choice, json::object const& chat) const {
  auto const* const content = array_at(chat, "content");
  if (content == nullptr || content->empty()) return nullptr;
  json::array tokens, rated, tops, offsets;
  for (auto const& entry : *content) {
    if (!entry.is_object()) continue;
    auto const& one = entry.get_object();
    auto const token = text_at(one, "token");
    tokens.push_back(json::string(token));
    auto const rate = number_at(one, "logprob");
    rated.push_back(rate ? json::value(*rate) : json::value());
    json::object top;
    if (auto const* const others = array_at(one, "top_logprobs")) {
      for (auto const& other : *others) {
        auto const* const named = other.if_object();
        if (named == nullptr) continue;
        if (auto const other_rate = number_at(*named, "logprob")) {
          top[text_at(*named, "token")] = *other_rate;
        }
      }
    }
    tops.push_back(std::move(top));
    offsets.push_back(choice.logprobs_offset);
    choice.logprobs_offset += characters(token);
  }
  json::object out;
  out["tokens"] = std::move(tokens);
  out["token_logprobs"] = std::move(rated);
  out["top_logprobs"] = std::move(tops);
  out["text_offset"] = std::move(offsets);
  return out;
}

void CompletionChunks::take_usage(json::object const& chunk) {
  auto const* const usage = object_at(chunk, "usage");
  if (usage == nullptr) return;
  auto const prompt = whole_number_at(*usage, "prompt_tokens").value_or(0);
  auto const completion = whole_number_at(*usage, "completion_tokens").value_or(0);
  if (prompt <= 0 && completion <= 0) return;  // all-zero usage comes with every chunk of some
  has_usage_ = true;
  prompt_tokens_ = sum(past_prompt_tokens_, std::max<std::int64_t>(prompt, 0));
  completion_tokens_ = sum(past_completion_tokens_, std::max<std::int64_t>(completion, 0));
}

CompletionChunks::Chunks CompletionChunks::from_chat(std::span<std::string const> chunks) {
  out_.clear();
  for (auto const& chunk : chunks) read_chat(chunk);
  return &out_;
}

void CompletionChunks::read_chat(std::string_view text) {
  auto const parsed = parse_json(text);
  if (!parsed || !parsed->is_object()) return;
  auto const& chunk = parsed->get_object();
  take_usage(chunk);
  auto const* const choices = array_at(chunk, "choices");
  if (choices == nullptr) return;
  for (auto const& value : *choices) {
    if (!value.is_object()) continue;
    auto const& choice = value.get_object();
    auto const index = whole_number_at(choice, "index").value_or(0);
    if (index < 0 || index >= options_.answers) continue;
    std::string said;
    if (auto const* const delta = object_at(choice, "delta")) {
      said = text_at(*delta, "content");
      said += text_at(*delta, "refusal");
    }
    json::value logprobs;
    if (auto const* const rated = object_at(choice, "logprobs")) {
      logprobs = legacy_logprobs(choices_[index], *rated);
    }
    auto const* const reason = choice.if_contains("finish_reason");
    put(index, std::move(said), std::move(logprobs),
        reason == nullptr ? json::value() : legacy_finish(*reason), {});
  }
}

Result<void> CompletionChunks::read_engine(std::string_view data) {
  auto const parsed = parse_json(data);
  if (!parsed || !parsed->is_object()) {
    ++skipped_;
    return {};
  }
  auto const& chunk = parsed->get_object();
  if (auto const* const error = chunk.if_contains("error"); error != nullptr && !error->is_null()) {
    return read_inband_error(*error).with_partial_length(text_bytes_);
  }
  ++good_events_;
  if (auto const name = text_at(chunk, "model"); !name.empty() && upstream_model_.empty()) {
    upstream_model_ = name;
  }
  take_usage(chunk);
  auto const* const choices = array_at(chunk, "choices");
  if (choices == nullptr) return {};
  for (auto const& value : *choices) {
    if (!value.is_object()) continue;
    json::object more = value.get_object();
    auto const index = whole_number_at(more, "index").value_or(0);
    if (index < 0 || index >= options_.answers || choices_[index].finished) continue;
    std::string said(text_at(more, "text"));
    json::value logprobs;
    if (auto const* const rated = object_at(more, "logprobs")) logprobs = *rated;
    json::value reason;
    if (auto const name = text_at(more, "finish_reason"); name == "error") {
      return fail(ErrorCode::upstream_interrupted,
                  "Copilot cut its answer off. Try again; the text so far stands.")
          .with_partial_length(text_bytes_);
    } else if (!name.empty()) {
      reason = json::string(name);
    }
    // What else the engine says (copilot_annotations) is passed on.
    for (std::string_view name : {"index", "text", "logprobs", "finish_reason"}) more.erase(name);
    put(index, std::move(said), std::move(logprobs), std::move(reason), std::move(more));
  }
  return {};
}

Result<CompletionChunks::Chunks> CompletionChunks::from_engine(std::string_view data) {
  out_.clear();
  if (data == "[DONE]") {
    done_ = true;
    return &out_;
  }
  auto const read = read_engine(data);
  if (!read) return read.error();
  return &out_;
}

Result<CompletionChunks::Chunks> CompletionChunks::finish_engine(std::string_view remainder) {
  out_.clear();
  auto const start = remainder.find_first_not_of(" \t\r\n");
  if (start != std::string_view::npos) {
    remainder.remove_prefix(start);
    if (remainder.starts_with("data:")) remainder.remove_prefix(5);
    if (remainder.find("[DONE]") == remainder.find_first_not_of(" \t")) {
      done_ = true;
    } else {
      auto const read = read_engine(remainder);
      if (!read) return read.error();
    }
  }
  bool all_finished = !choices_.empty();
  for (auto const& [index, choice] : choices_) all_finished = all_finished && choice.finished;
  if (!done_ && !all_finished) {
    if (good_events_ == 0 && skipped_ > 0) {
      return fail(ErrorCode::bad_upstream_json,
                  "Copilot's answer was not JSON and cannot be used. Try again.");
    }
    return fail(ErrorCode::stream_truncated,
                "Copilot's answer ended in the middle. Try again; the text so far stands.")
        .with_partial_length(text_bytes_);
  }
  // The engine may have nothing to add at all.
  for (std::int64_t index = 0; index < options_.answers; ++index) {
    if (!choices_[index].finished) put(index, {}, nullptr, "stop", {});
  }
  return &out_;
}

CompletionChunks::Chunks CompletionChunks::finish() {
  out_.clear();
  if (options_.usage == Options::Usage::hold_back) return &out_;
  auto chunk = head();
  chunk["choices"] = json::array();
  json::object usage;
  usage["prompt_tokens"] = prompt_tokens_;
  usage["completion_tokens"] = completion_tokens_;
  usage["total_tokens"] = sum(prompt_tokens_, completion_tokens_);
  chunk["usage"] = std::move(usage);
  out_.push_back(json::serialize(chunk));
  return &out_;
}

void CompletionAssembler::add(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed || !parsed->is_object()) return;
  auto& chunk = parsed->get_object();
  if (auto const* const usage = chunk.if_contains("usage"); usage != nullptr && !usage->is_null()) {
    usage_ = *usage;
  }
  auto* const member = chunk.if_contains("choices");
  auto* const choices = member == nullptr ? nullptr : member->if_array();
  if (choices != nullptr) {
    for (auto& value : *choices) {
      auto* const given = value.if_object();
      if (given == nullptr) continue;
      auto& choice = choices_[whole_number_at(*given, "index").value_or(0)];
      std::string joined(text_at(choice, "text"));
      joined += text_at(*given, "text");
      json::object rated;
      if (auto const* const so_far = object_at(choice, "logprobs")) rated = *so_far;
      bool const had_rates = !rated.empty();
      if (auto const* const more = object_at(*given, "logprobs")) {
        for (auto const& [name, list] : *more) {
          auto* const into = rated.if_contains(name);
          if (into != nullptr && into->is_array() && list.is_array()) {
            for (auto const& one : list.get_array()) into->get_array().push_back(one);
          } else {
            rated[name] = list;
          }
        }
      }
      for (auto& [name, part] : *given) {
        bool const keep = name == "finish_reason" && part.is_null() && choice.contains(name);
        if (!keep) choice[name] = std::move(part);
      }
      choice["text"] = joined;
      if (had_rates || !rated.empty()) choice["logprobs"] = std::move(rated);
    }
  }
  if (head_.empty()) {
    chunk.erase("choices");
    chunk.erase("usage");
    head_ = std::move(chunk);
  }
}

std::string CompletionAssembler::completion() const {
  json::object out = head_;
  json::array choices;
  for (auto const& [index, choice] : choices_) choices.push_back(choice);
  out["choices"] = std::move(choices);
  if (!usage_.is_null()) out["usage"] = usage_;
  return json::serialize(out);
}

}  // namespace jumpseat
