#include "protocol/secret.h"

#include <concepts>
#include <cstddef>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

namespace jumpseat {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, T const& value) { out << value; };

static_assert(!Printable<Secret>);
static_assert(!std::convertible_to<Secret, std::string>);
static_assert(!std::convertible_to<Secret, std::string_view>);
static_assert(!std::convertible_to<std::string, Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);
static_assert(std::is_nothrow_move_assignable_v<Secret>);

// Short ones live inside the std::string, long ones outside: both kinds have to be wiped.
std::vector<std::string> samples() {
  return {"", "s", "fifteen-bytes!!", std::string(16, 'x'), std::string(4096, 'y')};
}

TEST_CASE("a secret keeps its bytes through copy and move") {
  for (std::string const& text : samples()) {
    CAPTURE(text.size());
    Secret const original{std::string(text)};
    CHECK(original.reveal() == text);
    CHECK(original.size() == text.size());
    CHECK(original.empty() == text.empty());

    Secret copy = original;
    CHECK(copy.reveal() == text);
    Secret moved = std::move(copy);
    CHECK(moved.reveal() == text);
    CHECK(copy.empty());  // NOLINT(bugprone-use-after-move): a moved-from Secret is empty

    for (std::string const& previous : samples()) {
      Secret target{std::string(previous)};
      target = original;
      CHECK(target.reveal() == text);
      Secret source = original;
      target = std::move(source);
      CHECK(target.reveal() == text);
      CHECK(source.empty());  // NOLINT(bugprone-use-after-move)
    }
  }
}

TEST_CASE("a secret survives assignment to itself") {
  Secret secret(std::string(40, 'k'));
  Secret& same = secret;
  secret = same;
  CHECK(secret.reveal() == std::string(40, 'k'));
  secret = std::move(same);
  CHECK(secret.reveal() == std::string(40, 'k'));
}

TEST_CASE("secrets compare by their bytes") {
  CHECK(Secret("gho_abc") == Secret("gho_abc"));
  CHECK(Secret() == Secret(""));
  CHECK_FALSE(Secret("gho_abc") == Secret("gho_abd"));
  CHECK_FALSE(Secret("gho_abc") == Secret("Gho_abc"));
  CHECK_FALSE(Secret("gho_abc") == Secret("gho_ab"));
  CHECK_FALSE(Secret("") == Secret(std::string(1, '\0')));
}

TEST_CASE("wiping zeroes all that the string had room for") {
  for (std::size_t const size : {std::size_t{3}, std::size_t{15}, std::size_t{200}}) {
    CAPTURE(size);
    std::string text(size, 'S');
    text.resize(size / 2);  // the tail is still there, out of sight
    char const volatile* const bytes = text.data();
    std::size_t const room = text.capacity();
    wipe(text);
    CHECK(text.empty());
    REQUIRE(text.data() == bytes);  // the same memory, so it may still be looked at
    std::size_t left = 0;
    for (std::size_t i = 0; i < room; ++i) left += bytes[i] == 'S' ? 1 : 0;
    CHECK(left == 0);
  }
}

TEST_CASE("the bytes are gone from where a secret was") {
  // A buffer of our own, so that the bytes may be looked at when the object is dead.
  alignas(Secret) unsigned char place[sizeof(Secret)];
  auto const holds = [&place](std::string_view text) {
    return std::string_view(reinterpret_cast<char const*>(place), sizeof place).find(text) !=
           std::string_view::npos;
  };
  auto* const secret = new (place) Secret(std::string("canary-short"));
  REQUIRE(holds("canary-short"));
  SECTION("destroyed") {
    secret->~Secret();
    CHECK_FALSE(holds("canary"));
  }
  SECTION("moved from") {
    Secret const other = std::move(*secret);
    CHECK_FALSE(holds("canary"));
    secret->~Secret();
  }
  SECTION("replaced") {
    *secret = Secret("x");
    CHECK_FALSE(holds("anary"));
    secret->~Secret();
  }
}

}  // namespace
}  // namespace jumpseat
