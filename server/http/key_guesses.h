// Wrong client keys, counted for each peer, so that keys cannot be guessed at the speed of the
// loopback (quality row S5). A peer may be wrong ten times at once and then once in two seconds;
// beyond that its keys are not even looked at. Looked at and refused would tell the right one
// apart.
//
// Nobody is locked out by somebody else's guesses: peers stand for themselves, the user who runs
// the port is never counted, and a connection that has shown the right key is not asked again
// (http_server.cpp, connection.cpp). Plain: it takes the time as an argument.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

namespace jumpseat {

class KeyGuesses {
 public:
  static constexpr int at_once = 10;
  static constexpr std::chrono::milliseconds between{2000};
  // Peers that are kept apart; further ones share one count.
  static constexpr std::size_t max_peers = 1000;

  // Nobody has guessed wrong lately.
  bool quiet() const { return full_at_.empty(); }
  // How long until a key of `peer` is looked at; zero: at once.
  std::chrono::milliseconds wait(std::string const& peer, std::chrono::milliseconds now) const;
  void wrong(std::string const& peer, std::chrono::milliseconds now);

 private:
  void forget(std::chrono::milliseconds now);

  // When a peer has all of its tries again. A wrong key moves that by `between`.
  std::map<std::string, std::chrono::milliseconds> full_at_;
};

}  // namespace jumpseat
