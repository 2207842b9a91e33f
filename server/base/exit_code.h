// The program's exit codes, as documented in docs/command-line.md. 18 to 99 are never used: an
// editor plug-in reads them as versions of Node.
#pragma once

namespace jumpseat::exit_code {

inline constexpr int ok = 0;
inline constexpr int failed = 1;         // anything not below; also an LSP exit without shutdown
inline constexpr int usage = 2;          // the command line
inline constexpr int configuration = 3;  // a setting is wrong
inline constexpr int sign_in = 4;        // nobody is signed in, or Copilot refuses the account
inline constexpr int upstream = 5;       // GitHub or Copilot cannot be reached, or failed
inline constexpr int limit = 6;          // rate limit or quota
// 128 + n: ended by signal n.

}  // namespace jumpseat::exit_code
