// What a command prints, and to whom: people at a terminal get colours and lines that change,
// programs and files get plain text. What came from outside is made safe before it is shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/base/environment.h"

namespace jumpseat {

class Terminal {
 public:
  explicit Terminal(Environment const& environment);
  ~Terminal() { clear_status(); }
  Terminal(Terminal const&) = delete;
  Terminal& operator=(Terminal const&) = delete;

  void print(std::string_view text);       // standard output
  void line(std::string_view text = {});   // with a line break
  void error_line(std::string_view text);  // standard error
  // Replaces the line that the last call showed; where lines_change() is false nothing is shown.
  void status(std::string_view text);
  void clear_status();

  bool interactive() const { return interactive_; }  // standard output is a terminal
  // A terminal that can write over a line; TERM=dumb cannot.
  bool lines_change() const { return lines_change_; }
  std::string bold(std::string_view text) const;
  std::string green(std::string_view text) const;
  std::string red(std::string_view text) const;
  std::string dim(std::string_view text) const;
  // Text of a model or a server for this output: on a terminal, control characters other than line
  // breaks and tabs are left out, for they could drive it; elsewhere the bytes are what was asked
  // for.
  std::string foreign(std::string_view text) const;
  // Standard output cannot be written any more.
  bool closed() const { return closed_; }

 private:
  std::string styled(std::string_view code, std::string_view text) const;
  void write(int descriptor, std::string_view text);
  bool interactive_;
  bool lines_change_;
  bool colours_;
  bool status_shown_ = false;
  bool closed_ = false;
};

// Rows as aligned columns; the first row is the heading.
std::string table(std::vector<std::vector<std::string>> const& rows);

}  // namespace jumpseat
