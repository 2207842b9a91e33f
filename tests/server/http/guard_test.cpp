// The guard as a table: what of a request's head lets it in.
#include "server/http/guard.h"

#include <optional>
#include <string_view>

#include <catch2/catch.hpp>

#include "server/http/peer_owner.h"
#include "tests/support/show.h"

using namespace jumpseat;

namespace {

Guard local() { return Guard(8080, Guard::Reach::loopback, ClientKey()); }

std::optional<ErrorCode> refused(Guard const& guard, RequestFacts const& facts,
                                 Access access = Access::key) {
  auto const refusal = guard.refusal(facts, access);
  if (!refusal) return std::nullopt;
  return refusal->code();
}

RequestFacts from(std::string_view host) {
  RequestFacts facts;
  facts.host = host;
  return facts;
}

}  // namespace

TEST_CASE("S3: only the port's own names are names") {
  for (std::string_view host : {"localhost:8080", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080"})
    CHECK_FALSE(refused(local(), from(host)));
  for (std::string_view host : {"", "localhost", "localhost:80", "localhost:08080", "evil.com:8080",
                                "localhost.:8080", "127.0.0.2:8080", "[::]:8080", ":8080"}) {
    CAPTURE(host);
    CHECK(refused(local(), from(host)) == ErrorCode::client_refused);
  }
  CHECK(refused(local(), RequestFacts()) == ErrorCode::client_refused);
}

TEST_CASE("S3: at port 80 a browser leaves the port out") {
  Guard const guard(80, Guard::Reach::loopback, ClientKey());
  CHECK_FALSE(refused(guard, from("localhost")));
  CHECK_FALSE(refused(guard, from("localhost:80")));
  CHECK(refused(guard, from("evil.com")) == ErrorCode::client_refused);
}

TEST_CASE("S4: whatever a browser adds is refused, on every route") {
  for (auto access : {Access::key, Access::anybody}) {
    auto facts = from("localhost:8080");
    facts.fetch_site = "none";
    CHECK_FALSE(refused(local(), facts, access));
    facts.fetch_site = "same-origin";
    CHECK(refused(local(), facts, access) == ErrorCode::client_refused);
    facts.fetch_site.reset();
    facts.origin = "";
    CHECK(refused(local(), facts, access) == ErrorCode::client_refused);
  }
}

TEST_CASE("S4: an origin that is allowed by name comes in, to the letter, and needs the key") {
  Guard const guard(8080, Guard::Reach::loopback, ClientKey(Secret("correct horse")),
                    {"https://app.example", "http://localhost:3000"});
  auto facts = from("localhost:8080");
  facts.origin = "https://app.example";
  facts.fetch_site = "cross-site";
  CHECK(refused(guard, facts) == ErrorCode::invalid_api_key);
  facts.authorization = "Bearer correct horse";
  CHECK_FALSE(refused(guard, facts));
  for (std::string_view other : {"null", "", "https://app.example/", "https://App.example",
                                 "https://app.example.evil.com", "http://app.example", "*"}) {
    CAPTURE(other);
    facts.origin = other;
    CHECK(refused(guard, facts) == ErrorCode::client_refused);
  }
  // A preflight has no key; it must not be a way around the other rules.
  facts.authorization.reset();
  facts.kind = RequestFacts::Kind::preflight;
  CHECK(refused(guard, facts) == ErrorCode::client_refused);
  facts.origin = "http://localhost:3000";
  CHECK_FALSE(refused(guard, facts));
  facts.host = "evil.com";
  CHECK(refused(guard, facts) == ErrorCode::client_refused);
  facts.host = "localhost:8080";
  facts.origin.reset();
  facts.fetch_site.reset();
  CHECK(refused(guard, facts) == ErrorCode::invalid_api_key);
}

TEST_CASE("S2: a client key is wanted where one is set, but for health") {
  Guard const guard(8080, Guard::Reach::loopback, ClientKey(Secret("correct horse")));
  auto facts = from("localhost:8080");
  CHECK(refused(guard, facts) == ErrorCode::invalid_api_key);
  CHECK_FALSE(refused(guard, facts, Access::anybody));
  facts.authorization = "Bearer correct horse";
  CHECK_FALSE(refused(guard, facts));
  for (std::string_view wrong : {"Bearer correct hors", "Bearer correct horse ", "Bearer ",
                                 "Basic correct horse", "correct horse", ""}) {
    CAPTURE(wrong);
    facts.authorization = wrong;
    CHECK(refused(guard, facts) == ErrorCode::invalid_api_key);
  }
  // A wrong key is not made good by a right one elsewhere.
  facts.api_key = "correct horse";
  CHECK(refused(guard, facts) == ErrorCode::invalid_api_key);
  facts.authorization.reset();
  CHECK_FALSE(refused(guard, facts));
}

TEST_CASE("S1: beyond the loopback any name will do, and the key decides") {
  Guard const guard(8080, Guard::Reach::remote, ClientKey(Secret("key")));
  auto facts = from("my-machine.lan:9000");
  CHECK(refused(guard, facts) == ErrorCode::invalid_api_key);
  facts.authorization = "Bearer key";
  CHECK_FALSE(refused(guard, facts));
  facts.host.reset();
  CHECK(refused(guard, facts) == ErrorCode::client_refused);
}

TEST_CASE("no key is not an empty key") {
  CHECK_FALSE(ClientKey(Secret()).required());
  CHECK_FALSE(ClientKey().matches(""));
  CHECK(ClientKey(Secret("a")).same_as(ClientKey(Secret("a"))));
  CHECK_FALSE(ClientKey(Secret("a")).same_as(ClientKey()));
  CHECK(ClientKey().same_as(ClientKey()));
}

TEST_CASE("JSON is what says so") {
  for (std::string_view type : {"application/json", "Application/JSON",
                                "application/json;charset=utf-8", "application/json ; x"})
    CHECK(is_json_type(type));
  for (std::string_view type : {"", "text/json", "application/jsonx", "application/json,text/plain",
                                "application/x-www-form-urlencoded"})
    CHECK_FALSE(is_json_type(type));
}

TEST_CASE("S2: the owner of a socket is found in the kernel's table") {
  using boost::asio::ip::make_address;
  constexpr std::string_view table =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
      "31 1 0 100 0 0 10 0\n"
      "   1: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 "
      "47 1 0 20 4 30 10 -1\n"
      "   2: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 "
      "48 1 0 20 4 30 10 -1\n"
      "   3: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
      "12 1 0 100 0 0 10 0\n";
  TcpEndpoint const ours(make_address("127.0.0.1"), 8080);
  TcpEndpoint const theirs(make_address("127.0.0.1"), 0xD431);
  auto found = find_in_table(table, theirs, ours);
  REQUIRE(found);
  CHECK(found->user == 1001);
  CHECK(found->inode == 47);
  found = find_in_table(table, ours, std::nullopt);
  REQUIRE(found);
  CHECK(found->user == 1000);
  CHECK(found->inode == 31);
  CHECK(find_in_table(table, TcpEndpoint(make_address("127.0.0.1"), 80), std::nullopt)->inode ==
        12);
  CHECK_FALSE(find_in_table(table, TcpEndpoint(make_address("127.0.0.1"), 81), std::nullopt));
  CHECK_FALSE(find_in_table(table, theirs, TcpEndpoint(make_address("127.0.0.1"), 8081)));

  constexpr std::string_view table6 =
      "  sl\n   0: 00000000000000000000000001000000:1F90 "
      "00000000000000000000000001000000:D431 01 00000000:00000000 00:00000000 00000000  1002 0 9 "
      "1\n";
  found = find_in_table(table6, TcpEndpoint(make_address("::1"), 8080),
                        TcpEndpoint(make_address("::1"), 0xD431));
  REQUIRE(found);
  CHECK(found->user == 1002);
}
