// What runs in the child that asks the keyring (server/auth/keyring.h): one question to libsecret,
// loaded here and nowhere else. The question is in the arguments, the token in standard input; the
// answer, or the reason of a failure, goes to standard output.
#pragma once

#include <string_view>

namespace jumpseat::keyring_child {

// The first argument: no command that a person types.
inline constexpr std::string_view word = "--ask-keyring";
inline constexpr std::string_view store = "store";
inline constexpr std::string_view look_up = "look-up";
inline constexpr std::string_view remove = "remove";

enum class End { done = 0, nothing = 3, failed = 4 };

// True when these are the arguments of such a child.
bool asked_for(int count, char const* const* words);
// Returns the exit code.
int run(int count, char const* const* words);

}  // namespace jumpseat::keyring_child
