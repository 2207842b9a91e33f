// Asking another program for one short text: started without a shell, with an environment that is
// given and not ours, its output read with a limit and a deadline. It and whatever it started are
// killed when the deadline is over or the caller is cancelled; none is left behind as a zombie.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "protocol/secret.h"
#include "server/base/asio.h"

namespace jumpseat {

struct ChildCommand {
  ChildCommand() = default;
  std::string program;                   // an absolute path
  std::vector<std::string> arguments;    // without the program's own name
  std::vector<std::string> environment;  // "NAME=value", all of it
  Secret input;                          // its standard input; at most 4096 bytes
  std::chrono::milliseconds limit{5000};
  std::size_t most_output = 4096;
};

struct ChildOutput {
  ChildOutput() = default;
  int exit_code = 0;  // 128 + n when signal n ended it
  Secret output;      // standard output; standard error goes nowhere
};

// Fails with internal and a bare reason ("it did not answer within 5 s"): cannot be started, too
// slow, says too much.
awaitable<Result<ChildOutput>> ask_program(ChildCommand command);

}  // namespace jumpseat
