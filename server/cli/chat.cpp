#include <memory>
#include <utility>

#include "protocol/json.h"
#include "protocol/scan.h"
#include "server/base/exit_code.h"
#include "server/base/log.h"
#include "server/cli/commands.h"

namespace jumpseat {
namespace {

std::string request_body(ChatOptions const& options) {
  std::string text = options.prompt;
  if (!options.piped.empty()) {
    if (!text.empty()) text += "\n\n";
    text += options.piped;
  }
  std::string body = "{";
  if (!options.model.empty()) body += "\"model\":" + quote(options.model) + ",";
  body +=
      "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[{\"role\":"
      "\"user\",\"content\":" +
      quote(text) + "}]}";
  return body;
}

// Ends the line that the answer is on, however the answer ends; Ctrl-C included.
class AnswerLine {
 public:
  explicit AnswerLine(Terminal& terminal) : terminal_(terminal) {}
  AnswerLine(AnswerLine const&) = delete;
  AnswerLine& operator=(AnswerLine const&) = delete;
  ~AnswerLine() { end(); }
  void add(std::string_view text) {
    if (text.empty()) return;
    terminal_.print(terminal_.foreign(text));
    open_ = text.back() != '\n';
  }
  void end() {
    if (std::exchange(open_, false)) terminal_.line();
  }

 private:
  Terminal& terminal_;
  bool open_ = false;
};

// The text that a chunk adds to the first answer.
std::string text_of(std::string_view chunk) {
  auto value = parse_json(chunk);
  if (!value) return {};
  boost::system::error_code none;
  auto const* content = value->find_pointer("/choices/0/delta/content", none);
  if (content == nullptr || !content->is_string()) return {};
  return std::string(content->get_string());
}

}  // namespace

awaitable<int> run_chat(Services services, Terminal& terminal, ChatOptions options) {
  if (options.prompt.empty() && options.piped.empty()) {
    terminal.error_line(
        "error: nothing to ask. Type jumpseat chat \"your question\", or pipe a text into it.");
    co_return exit_code::usage;
  }
  // What quote() cannot give back as it was is not text.
  auto const as_text = [](std::string const& text) { return unescape(quote(text)) == text; };
  if (!as_text(options.prompt) || !as_text(options.piped)) {
    terminal.error_line("error: the question is not UTF-8 text.");
    co_return exit_code::usage;
  }
  auto body = request_body(options);
  auto request = ChatRequest::parse(std::move(body));
  if (!request) co_return report(terminal, request.error());
  auto stream = co_await services.chat.start(std::move(*request));
  if (!stream) co_return report(terminal, stream.error());

  ChatAssembler answer;
  AnswerLine line(terminal);
  while (!terminal.closed()) {
    auto chunks = co_await (*stream)->next();
    if (!chunks) {
      // What came so far stays on the screen; the error says that it is not all.
      line.end();
      co_return report(terminal, chunks.error());
    }
    if ((*chunks)->empty()) break;
    for (auto const& chunk : **chunks) {
      if (options.output == Output::json) {
        answer.add(chunk);
      } else {
        line.add(text_of(chunk));
      }
    }
  }
  if (terminal.closed()) co_return exit_code::failed;
  if (options.output == Output::json) terminal.line(answer.completion());
  co_return exit_code::ok;
}

}  // namespace jumpseat
