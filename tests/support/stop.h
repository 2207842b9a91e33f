// Ends a scope as the program does: on the loop. Off the loop, Scope::cancel() may come after the
// end of the task that it is meant for.
//
//   run(io, stop(background));
#pragma once

#include "server/base/scope.h"

namespace jumpseat {

inline awaitable<> stop(Scope& scope) {
  scope.cancel();
  co_await scope.join();
}

}  // namespace jumpseat
