#include "server/http/key_guesses.h"

#include <algorithm>

namespace jumpseat {
namespace {

using std::chrono::milliseconds;

std::string const everybody_else = "everybody else";

}  // namespace

milliseconds KeyGuesses::wait(std::string const& peer, milliseconds now) const {
  auto found = full_at_.find(peer);
  if (found == full_at_.end() && full_at_.size() >= max_peers)
    found = full_at_.find(everybody_else);
  if (found == full_at_.end()) return milliseconds(0);
  return std::max(milliseconds(0), found->second - now - between * (at_once - 1));
}

void KeyGuesses::wrong(std::string const& peer, milliseconds now) {
  forget(now);
  bool const apart = full_at_.size() < max_peers || full_at_.contains(peer);
  auto& full = full_at_[apart ? peer : everybody_else];
  full = std::max(full, now) + between;
}

void KeyGuesses::forget(milliseconds now) {
  std::erase_if(full_at_, [&](auto const& one) { return one.second <= now; });
}

}  // namespace jumpseat
