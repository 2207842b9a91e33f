// What the program writes to a descriptor, or to a terminal, while this lives.
//
//   CapturedOutput errors(STDERR_FILENO);
//   … errors.text() …
#pragma once

#include <string>

namespace jumpseat {

class CapturedOutput {
 public:
  enum class Kind { file, terminal };
  explicit CapturedOutput(int descriptor, Kind kind = Kind::file);
  ~CapturedOutput();
  CapturedOutput(CapturedOutput const&) = delete;
  CapturedOutput& operator=(CapturedOutput const&) = delete;

  // Everything so far. What a terminal got has "\r\n" for each line break.
  std::string text();

 private:
  int descriptor_;
  int saved_;    // the descriptor's own file
  int reading_;  // where to read what was written
  std::string got_;
};

}  // namespace jumpseat
