// How many wrong keys a peer may show, and when.
#include "server/http/key_guesses.h"

#include <string>

#include <catch2/catch.hpp>

using namespace jumpseat;
using namespace std::chrono_literals;

TEST_CASE("S5: ten wrong keys at once, then one in two seconds") {
  KeyGuesses guesses;
  auto const start = 1000s;
  CHECK(guesses.quiet());
  for (int i = 0; i < KeyGuesses::at_once; ++i) {
    CHECK(guesses.wait("a", start) == 0ms);
    guesses.wrong("a", start);
  }
  CHECK_FALSE(guesses.quiet());
  CHECK(guesses.wait("a", start) == 2s);
  CHECK(guesses.wait("a", start + 1s) == 1s);
  CHECK(guesses.wait("a", start + 2s) == 0ms);
  guesses.wrong("a", start + 2s);
  CHECK(guesses.wait("a", start + 2s) == 2s);
}

TEST_CASE("S5: one peer's guesses are not another's") {
  KeyGuesses guesses;
  for (int i = 0; i < 100; ++i) guesses.wrong("a", 1s);
  CHECK(guesses.wait("a", 1s) > 0ms);
  CHECK(guesses.wait("b", 1s) == 0ms);
}

TEST_CASE("S5: guesses are forgotten, one by one") {
  KeyGuesses guesses;
  for (int i = 0; i < KeyGuesses::at_once; ++i) guesses.wrong("a", 0s);
  guesses.wrong("b", 25s);
  CHECK(guesses.wait("a", 25s) == 0ms);
  for (int i = 0; i < KeyGuesses::at_once; ++i) {
    CHECK(guesses.wait("a", 25s) == 0ms);
    guesses.wrong("a", 25s);
  }
  CHECK(guesses.wait("a", 25s) == 2s);
}

TEST_CASE("S5: very many peers share one count, in bounded memory") {
  KeyGuesses guesses;
  for (std::size_t i = 0; i < KeyGuesses::max_peers; ++i) guesses.wrong(std::to_string(i), 0s);
  CHECK(guesses.wait("new", 0s) == 0ms);
  for (int i = 0; i < KeyGuesses::at_once; ++i) guesses.wrong("new", 0s);
  CHECK(guesses.wait("new", 0s) > 0ms);
  CHECK(guesses.wait("newer", 0s) > 0ms);
  CHECK(guesses.wait("7", 0s) == 0ms);
  guesses.wrong("later", 3s);
  CHECK(guesses.wait("newer", 3s) == 0ms);
}
