// TokenService against a scripted GitHub on loopback, by a clock that the test moves.

#include "server/auth/token_service.h"

#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "server/base/log.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run.h"
#include "tests/support/scripted_github.h"
#include "tests/support/stop.h"

namespace jumpseat {
namespace {

using namespace std::chrono_literals;

// Tokens in the shape that GitHub gives them; nobody's.
std::string token_like(std::string_view prefix, char last) {
  return std::string(prefix) + "Zm9v8QxT4nB7kLw2Rd6Hs1Yc5Jp3Vg0aUeN" + last;
}
std::string github_token(char last) { return token_like("gho_", last); }
constexpr std::string_view copilot_one = "tid=one;exp=1;sku=test:0001";
constexpr std::string_view copilot_two = "tid=two;exp=2;sku=test:0002";

// What outlives a process: GitHub, the machine's clock and its database.
struct Machine {
  ScriptedGitHub github;
  FakeClock clock;
  Stores stores{":memory:"};

  Machine() {
    log::set_stderr_level(log::Level::error);
    github.grant(copilot_one, clock.unix_seconds());
  }
  void save(std::string const& token) {
    Account account;
    account.issuer = github.issuer().origin;
    account.name = std::string(default_account);
    account.github_token = Secret(token);
    account.created_at = clock.unix_seconds();
    REQUIRE(stores.accounts().save(std::move(account)));
  }
};

// One process on it.
struct Process {
  Machine& machine;
  Config config;
  asio::io_context io{1};
  Scope background{io};
  HttpClient http{io, HttpSettings()};
  GitHubApi api;
  TokenSources sources;
  TokenService tokens;

  explicit Process(Machine& on, Config given = Config())
      : machine(on),
        config(with_issuer(std::move(given), on)),
        api(http, config.issuer, config.identity, 0),
        tokens({io, background, api, sources, on.stores, on.clock, config}) {
    sources.add(std::make_unique<ExplicitTokens>(config));
    sources.add(std::make_unique<SavedSignIn>(on.stores, config));
  }
  ~Process() {
    run(io, stop(background));
    http.close();
  }
  static Config with_issuer(Config config, Machine const& machine) {
    config.issuer = machine.github.issuer();
    return config;
  }

  Result<TokenService::SharedAccess> get() { return run(io, tokens.get()); }
  std::string token() {
    auto access = get();
    REQUIRE(access);
    return std::string((*access)->token.reveal());
  }
  ErrorCode problem() {
    auto access = get();
    REQUIRE_FALSE(access);
    return access.error().code();
  }
  // Until what goes on in the background is over.
  void finish_background() {
    run_until(io, [this] { return background.empty(); });
  }
};

void give(Config& config, std::string key, std::string token,
          Origin::Kind kind = Origin::Kind::environment) {
  ExplicitToken given;
  given.key = std::move(key);
  given.value = Secret(std::move(token));
  given.origin.kind = kind;
  config.tokens.push_back(std::move(given));
}

awaitable<> collect(TokenService& tokens,
                    std::vector<Result<TokenService::SharedAccess>>& results) {
  auto access = co_await tokens.get();
  results.push_back(std::move(access));
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// ---- the exchange ----

TEST_CASE("the exchange carries the GitHub token to GitHub, and its answer is what get() returns") {
  Machine machine;
  machine.save(github_token('a'));
  machine.github.grant(copilot_one, machine.clock.unix_seconds(),
                       R"(,"sku":"free_limited_copilot")");
  Process process(machine);
  auto access = process.get();
  REQUIRE(access);
  CHECK((*access)->token.reveal() == copilot_one);
  CHECK((*access)->sku == "free_limited_copilot");
  CHECK((*access)->api.origin() == process.config.issuer.origin);
  CHECK(has(machine.github.last(ScriptedGitHub::exchange_route),
            "Authorization: token " + github_token('a') + "\r\n"));
  CHECK(process.tokens.state().kind == SignInState::Kind::ready);
}

TEST_CASE("any number of callers at once cost one exchange") {
  Machine machine;
  machine.save(github_token('a'));
  Process process(machine);
  Scope callers(process.io);
  std::vector<Result<TokenService::SharedAccess>> results;
  for (int i = 0; i < 100; ++i) callers.spawn("caller", collect(process.tokens, results));
  run(process.io, callers.join());
  REQUIRE(results.size() == 100);
  for (auto const& result : results) {
    REQUIRE(result);
    CHECK((*result)->token.reveal() == copilot_one);
  }
  CHECK(machine.github.exchanges() == 1);
}

TEST_CASE("a token is refreshed ahead, in the background, while the old one is handed out") {
  Machine machine;
  machine.save(github_token('a'));
  Process process(machine);
  CHECK(process.token() == copilot_one);
  machine.clock.advance(20min);
  CHECK(process.token() == copilot_one);
  CHECK(process.background.empty());  // not yet
  CHECK(machine.github.exchanges() == 1);

  machine.clock.advance(5min);  // of 26 minutes
  machine.github.hold_answers();
  machine.github.grant(copilot_two, machine.clock.unix_seconds());
  for (int i = 0; i < 10; ++i) CHECK(process.token() == copilot_one);
  CHECK(process.background.size() == 1);
  machine.github.go_on();
  process.finish_background();
  CHECK(process.token() == copilot_two);
  CHECK(machine.github.exchanges() == 2);
}

TEST_CASE("a token that has expired is not handed out: callers wait for the new one") {
  Machine machine;
  machine.save(github_token('a'));
  Process process(machine);
  CHECK(process.token() == copilot_one);
  machine.clock.advance(31min);
  machine.github.grant(copilot_two, machine.clock.unix_seconds());
  CHECK(process.token() == copilot_two);
  CHECK(machine.github.exchanges() == 2);
}

TEST_CASE("nobody refreshes while idle") {
  Machine machine;
  machine.save(github_token('a'));
  Process process(machine);
  CHECK(process.token() == copilot_one);
  machine.clock.advance(10h);
  process.io.restart();
  process.io.poll();
  CHECK(process.background.empty());
  CHECK(machine.github.exchanges() == 1);
}

TEST_CASE("a refresh that fails leaves the old token in use until it expires") {
  Machine machine;
  machine.save(github_token('a'));
  Process process(machine);
  CHECK(process.token() == copilot_one);
  machine.github.answer(ScriptedGitHub::exchange_route, 502, "{}");
  machine.clock.advance(25min);
  CHECK(process.token() == copilot_one);
  process.finish_background();
  CHECK(process.token() == copilot_one);
  process.finish_background();
  machine.clock.advance(5min);
  CHECK(process.problem() == ErrorCode::upstream_failed);
  CHECK(process.tokens.state().kind == SignInState::Kind::unreachable);
  machine.github.grant(copilot_two, machine.clock.unix_seconds());
  CHECK(process.token() == copilot_two);
  CHECK(process.tokens.state().kind == SignInState::Kind::ready);
}

// ---- clocks ----

TEST_CASE("U1: a Copilot that cannot be reached shows in the state once, and so does its return") {
  Machine machine;
  machine.save(github_token('a'));
  Process process(machine);
  CHECK(process.token() == copilot_one);
  int changes = 0;
  process.tokens.on_change([&] { ++changes; });
  auto const away = fail(ErrorCode::upstream_unreachable, "Could not connect.");
  for (int i = 0; i < 3; ++i) process.tokens.unreachable(away);
  CHECK(changes == 1);
  CHECK(process.tokens.state().kind == SignInState::Kind::unreachable);
  CHECK(process.token() == copilot_one);
  for (int i = 0; i < 3; ++i) process.tokens.reached();
  CHECK(changes == 2);
  CHECK(process.tokens.state().kind == SignInState::Kind::ready);
  CHECK(machine.github.exchanges() == 1);
}

TEST_CASE("U25: a time of day that is wrong does not change how long a token is used") {
  auto const wrong_by = GENERATE(std::chrono::seconds(-24h * 365), std::chrono::seconds(-1h),
                                 std::chrono::seconds(-5min), std::chrono::seconds(25min),
                                 std::chrono::seconds(1h), std::chrono::seconds(24h * 365));
  CAPTURE(wrong_by.count());
  Machine machine;
  machine.save(github_token('a'));
  machine.clock.jump(wrong_by);  // GitHub's answer has the right time
  Process process(machine);
  CHECK(process.token() == copilot_one);
  machine.clock.advance(15min);
  CHECK(process.token() == copilot_one);
  process.finish_background();
  CHECK(machine.github.exchanges() == 1);
  machine.clock.advance(16min);
  CHECK(process.token() == copilot_one);  // a new exchange's
  CHECK(machine.github.exchanges() == 2);
}

TEST_CASE("U25, D16: a clock that jumps an hour costs at most one more exchange") {
  auto const jump = GENERATE(std::chrono::seconds(-1h), std::chrono::seconds(1h));
  CAPTURE(jump.count());
  Machine machine;
  machine.save(github_token('a'));
  Process process(machine);
  CHECK(process.token() == copilot_one);
  machine.clock.jump(jump);
  for (int minute = 0; minute < 15; ++minute) {
    CHECK(process.token() == copilot_one);
    machine.clock.advance(1min);
  }
  process.finish_background();
  CHECK(machine.github.exchanges() == 1);

  // A process that starts now judges the saved token by the clock that jumped.
  Process next(machine);
  for (int minute = 0; minute < 5; ++minute) {
    CHECK(next.token() == copilot_one);
    machine.clock.advance(1min);
  }
  next.finish_background();
  CHECK(machine.github.exchanges() <= 2);
}

TEST_CASE("U25: suspended time counts: after a night's sleep the token is a new one") {
  Machine machine;
  machine.save(github_token('a'));
  Process process(machine);
  CHECK(process.token() == copilot_one);
  machine.clock.advance(8h);
  machine.github.grant(copilot_two, machine.clock.unix_seconds());
  CHECK(process.token() == copilot_two);
  CHECK(machine.github.exchanges() == 2);
}

// ---- tokens and accounts that are refused ----

TEST_CASE("reject() forgets a token once") {
  Machine machine;
  machine.save(github_token('a'));
  Process process(machine);
  auto first = process.get();
  REQUIRE(first);
  machine.github.grant(copilot_two, machine.clock.unix_seconds());
  process.tokens.reject((*first)->generation);
  auto second = process.get();
  REQUIRE(second);
  CHECK((*second)->token.reveal() == copilot_two);
  CHECK((*second)->generation != (*first)->generation);
  // Callers that used the first one come late.
  process.tokens.reject((*first)->generation);
  process.tokens.reject((*first)->generation);
  CHECK(process.token() == copilot_two);
  CHECK(machine.github.exchanges() == 2);
}

TEST_CASE("a rejected token is not found again by the next process") {
  Machine machine;
  machine.save(github_token('a'));
  {
    Process process(machine);
    auto first = process.get();
    REQUIRE(first);
    process.tokens.reject((*first)->generation);
  }
  machine.github.grant(copilot_two, machine.clock.unix_seconds());
  Process next(machine);
  CHECK(next.token() == copilot_two);
}

TEST_CASE("U13: a refused account is asked about again only after a minute") {
  Machine machine;
  machine.save(github_token('a'));
  machine.github.answer(
      ScriptedGitHub::exchange_route, 403,
      R"({"can_signup_for_limited":true,"message":"Resource not accessible by integration",)"
      R"("error_details":{"message":"No access to GitHub Copilot found.",)"
      R"("notification_id":"no_copilot_access","title":"Sign up",)"
      R"("url":"https://github.com/github-copilot/signup"}})");
  Process process(machine);
  auto refused = process.get();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::no_copilot_access);
  CHECK(has(refused.error().message(), "No access to GitHub Copilot found."));
  CHECK(refused.error().url() == "https://github.com/github-copilot/signup");
  CHECK(process.tokens.state().kind == SignInState::Kind::refused);

  machine.clock.advance(59s);
  for (int i = 0; i < 10; ++i) CHECK(process.problem() == ErrorCode::no_copilot_access);
  CHECK(machine.github.exchanges() == 1);
  machine.clock.advance(1s);
  machine.github.grant(copilot_one, machine.clock.unix_seconds());
  CHECK(process.token() == copilot_one);
  CHECK(machine.github.exchanges() == 2);
  CHECK(process.tokens.state().kind == SignInState::Kind::ready);
}

TEST_CASE("a GitHub token that was revoked does not delete the sign-in") {
  Machine machine;
  machine.save(github_token('a'));
  machine.github.answer(ScriptedGitHub::exchange_route, 401, R"({"message":"Bad credentials"})");
  Process process(machine);
  auto refused = process.get();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::token_rejected);
  CHECK(has(refused.error().message(), "saved sign-in"));
  CHECK_FALSE(has(refused.error().message(), github_token('a')));
  auto kept = machine.stores.accounts().find(process.config.issuer.origin, default_account);
  REQUIRE(kept);
  CHECK(kept->has_value());
}

TEST_CASE("S8: an API address that this issuer does not vouch for is refused") {
  Machine machine;
  machine.save(github_token('a'));
  machine.github.grant(copilot_one, machine.clock.unix_seconds(),
                       R"(,"endpoints":{"api":"https://api.githubcopilot.com.example.org"})");
  Process process(machine);
  auto refused = process.get();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::host_refused);
  CHECK(has(refused.error().message(), "api.githubcopilot.com.example.org"));
  // Nor is such a token kept for the next process.
  auto account = machine.stores.accounts().find(process.config.issuer.origin, default_account);
  REQUIRE(account);
  auto stored = machine.stores.accounts().copilot_token((*account)->id);
  REQUIRE(stored);
  CHECK_FALSE(stored->has_value());
}

// ---- the store ----

TEST_CASE("a second process uses the token that the first one saved") {
  Machine machine;
  machine.save(github_token('a'));
  {
    Process first(machine);
    CHECK(first.token() == copilot_one);
  }
  machine.clock.advance(10min);
  Process second(machine);
  CHECK(second.token() == copilot_one);
  CHECK(second.background.empty());
  CHECK(machine.github.exchanges() == 1);

  machine.clock.advance(17min);  // it counts from the first one's receipt
  machine.github.grant(copilot_two, machine.clock.unix_seconds());
  CHECK(second.token() == copilot_two);
}

TEST_CASE("a saved token without an acceptable API address is not used") {
  Machine machine;
  machine.save(github_token('a'));
  {
    Process first(machine);
    CHECK(first.token() == copilot_one);
  }
  auto account = machine.stores.accounts().find(machine.github.issuer().origin, default_account);
  REQUIRE(account);
  auto stored = machine.stores.accounts().copilot_token((*account)->id);
  REQUIRE(stored);
  auto changed = **stored;
  changed.api = "https://example.org";
  REQUIRE(machine.stores.accounts().save_copilot_token((*account)->id, changed));
  machine.github.grant(copilot_two, machine.clock.unix_seconds());
  Process second(machine);
  CHECK(second.token() == copilot_two);
}

TEST_CASE("signing out forgets the sign-in, its tokens, and asks nobody") {
  Machine machine;
  machine.save(github_token('a'));
  Process process(machine);
  CHECK(process.token() == copilot_one);
  int changes = 0;
  process.tokens.on_change([&] { ++changes; });
  auto removed = run(process.io, process.tokens.sign_out());
  REQUIRE(removed);
  CHECK(*removed);
  CHECK(changes == 1);
  CHECK(process.problem() == ErrorCode::not_signed_in);
  CHECK(process.tokens.state().kind == SignInState::Kind::signed_out);
  CHECK(machine.github.exchanges() == 1);
  auto again = run(process.io, process.tokens.sign_out());
  REQUIRE(again);
  CHECK_FALSE(*again);
  Process next(machine);
  CHECK(next.problem() == ErrorCode::not_signed_in);
}

TEST_CASE("a sign-out during an exchange: its token is not used") {
  Machine machine;
  machine.save(github_token('a'));
  machine.github.hold_answers();
  Process process(machine);
  Scope callers(process.io);
  std::vector<Result<TokenService::SharedAccess>> results;
  callers.spawn("caller", collect(process.tokens, results));
  run_until(process.io, [&] { return machine.github.exchanges() == 1; });
  REQUIRE(run(process.io, process.tokens.sign_out()));
  machine.github.go_on();
  run(process.io, callers.join());
  REQUIRE(results.size() == 1);
  REQUIRE_FALSE(results[0]);
  CHECK(results[0].error().code() == ErrorCode::cancelled);
  CHECK(process.problem() == ErrorCode::not_signed_in);
}

TEST_CASE("a sign-in that ended well is saved and used at once") {
  Machine machine;
  Process process(machine);
  CHECK(process.problem() == ErrorCode::not_signed_in);
  REQUIRE(run(process.io, process.tokens.adopt(Secret(github_token('n')))));
  CHECK(process.token() == copilot_one);
  CHECK(has(machine.github.last(ScriptedGitHub::exchange_route), github_token('n')));
  Process next(machine);
  CHECK(next.token() == copilot_one);
  CHECK(machine.github.exchanges() == 1);
}

TEST_CASE("a new sign-in replaces the old one and its refusal") {
  Machine machine;
  machine.save(github_token('o'));
  machine.github.answer(ScriptedGitHub::exchange_route, 401, R"({"message":"Bad credentials"})");
  Process process(machine);
  CHECK(process.problem() == ErrorCode::token_rejected);
  machine.github.grant(copilot_two, machine.clock.unix_seconds());
  REQUIRE(run(process.io, process.tokens.adopt(Secret(github_token('n')))));
  CHECK(process.token() == copilot_two);
  CHECK(has(machine.github.last(ScriptedGitHub::exchange_route), github_token('n')));
}

TEST_CASE("an explicit token keeps its precedence over a new sign-in") {
  Machine machine;
  Config config;
  give(config, "GITHUB_TOKEN", github_token('e'));
  Process process(machine, config);
  CHECK(process.token() == copilot_one);
  REQUIRE(run(process.io, process.tokens.adopt(Secret(github_token('n')))));
  auto who = process.tokens.sign_in();
  REQUIRE(who);
  CHECK((*who)->source == "environment GITHUB_TOKEN");
  CHECK(machine.stores.accounts().find(process.config.issuer.origin, default_account)->has_value());
}

// ---- exchange or direct ----

// Another program's sign-ins.
class Borrowed final : public TokenSource {
 public:
  explicit Borrowed(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {}
  Result<std::vector<GitHubSignIn>> find(std::vector<PassedOver>&) override {
    std::vector<GitHubSignIn> found;
    for (auto const& token : tokens_) {
      GitHubSignIn sign_in;
      sign_in.token = Secret(token);
      sign_in.kind = token_kind(sign_in.token);
      sign_in.ownership = GitHubSignIn::Kind::borrowed;
      sign_in.source = "program " + token.substr(token.size() - 1);
      found.push_back(std::move(sign_in));
    }
    return found;
  }
  bool borrows() const override { return true; }

 private:
  std::vector<std::string> tokens_;
};

constexpr auto user_route = "/copilot_internal/user";
constexpr auto models_route = "/models";

TEST_CASE("a token whose app may not exchange is used directly, and that is remembered") {
  Machine machine;
  machine.save(github_token('a'));
  machine.github.answer(ScriptedGitHub::exchange_route, 404, R"({"message":"Not Found"})");
  machine.github.answer(user_route, 200, R"({"login":"octocat","copilot_plan":"business"})");
  machine.github.answer(models_route, 200, R"({"data":[]})");
  {
    Process process(machine);
    CHECK(process.token() == github_token('a'));
    auto const state = process.tokens.state();
    CHECK(state.kind == SignInState::Kind::ready);
    CHECK(state.route == TokenRoute::direct);
    CHECK(state.plan == "business");
    CHECK_FALSE(state.token_left);
    CHECK(has(machine.github.last(models_route),
              "Authorization: Bearer " + github_token('a') + "\r\n"));
    CHECK(machine.github.exchanges() == 1);
  }
  Process next(machine);
  CHECK(next.token() == github_token('a'));
  CHECK(machine.github.exchanges() == 1);
  CHECK(machine.github.count(models_route) == 1);
  // Eight hours later Copilot is asked again, the way that works first.
  machine.clock.advance(9h);
  CHECK(next.token() == github_token('a'));
  CHECK(machine.github.exchanges() == 1);
  CHECK(machine.github.count(models_route) == 2);
}

TEST_CASE("a fine-grained token is never exchanged") {
  Machine machine;
  Config config;
  give(config, "COPILOT_GITHUB_TOKEN", token_like("github_pat_", 'x'));
  machine.github.answer(models_route, 401,
                        "unauthorized: Personal Access Token does not have Copilot Requests "
                        "permission");
  Process process(machine, config);
  auto refused = process.get();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::token_rejected);
  CHECK(has(refused.error().message(), "Copilot Requests"));
  CHECK(machine.github.exchanges() == 0);
}

TEST_CASE("a revoked token is not tried directly, a classic one neither") {
  auto const [token, status] = GENERATE(table<std::string, int>(
      {{github_token('a'), 401}, {token_like("ghp_", 'x'), 404}, {token_like("ghr_", 'x'), 404}}));
  Machine machine;
  Config config;
  give(config, "COPILOT_GITHUB_TOKEN", token);
  machine.github.answer(ScriptedGitHub::exchange_route, status, R"({"message":"no"})");
  Process process(machine, config);
  CHECK(process.problem() == ErrorCode::token_rejected);
  CHECK(machine.github.count(models_route) == 0);
}

TEST_CASE("when Copilot cannot be asked directly, nothing is decided") {
  Machine machine;
  machine.save(github_token('a'));
  machine.github.answer(ScriptedGitHub::exchange_route, 404, R"({"message":"Not Found"})");
  machine.github.answer(models_route, 502, "");
  Process process(machine);
  CHECK(process.problem() == ErrorCode::upstream_failed);
  CHECK(process.tokens.state().kind == SignInState::Kind::unreachable);
}

TEST_CASE("an account without a plan is told so, on the direct way too") {
  Machine machine;
  machine.save(github_token('a'));
  machine.github.answer(ScriptedGitHub::exchange_route, 404, R"({"message":"Not Found"})");
  machine.github.answer(user_route, 200, R"({"login":"o","access_type_sku":"no_access"})");
  Process process(machine);
  // GitHub's answer about the exchange says more about why.
  CHECK(process.problem() == ErrorCode::token_rejected);
  CHECK(machine.github.count(models_route) == 0);
}

// ---- borrowed sign-ins ----

TEST_CASE("a borrowed sign-in that Copilot refuses is passed over, the next one is taken") {
  Machine machine;
  machine.github.answer(ScriptedGitHub::exchange_route, 401, R"({"message":"Bad credentials"})");
  machine.github.then(ScriptedGitHub::exchange_route, 200,
                      R"({"token":"tid=two;exp=2;sku=test:0002","expires_at":1790001800,)"
                      R"("refresh_in":1500})");
  Process process(machine);
  process.sources.add(
      std::make_unique<Borrowed>(std::vector{github_token('a'), github_token('b')}));
  CHECK(process.token() == copilot_two);
  auto const state = process.tokens.state();
  CHECK(state.source == "program b");
  CHECK(state.borrowed);
  REQUIRE(state.passed_over.size() == 3);
  CHECK(state.passed_over[2].source == "program a");
  CHECK(has(state.passed_over[2].reason, "401"));
  // What was learnt is kept, the token is not.
  auto row = machine.stores.accounts().find_borrowed(
      process.config.issuer.origin,
      fingerprint(Secret(github_token('b')), process.config.issuer.origin));
  REQUIRE(row);
  REQUIRE(row->has_value());
  CHECK((*row)->github_token.empty());
  Process next(machine);
  next.sources.add(std::make_unique<Borrowed>(std::vector{github_token('b')}));
  CHECK(next.token() == copilot_two);
  CHECK(machine.github.exchanges() == 2);
}

TEST_CASE("when all borrowed sign-ins are refused, nobody is signed in, and the error says why") {
  Machine machine;
  machine.github.answer(ScriptedGitHub::exchange_route, 401, R"({"message":"Bad credentials"})");
  Process process(machine);
  process.sources.add(
      std::make_unique<Borrowed>(std::vector{github_token('a'), github_token('b')}));
  auto refused = process.get();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::not_signed_in);
  CHECK(has(refused.error().message(), "Not used: program a"));
  CHECK(has(refused.error().message(), "Not used: program b"));
  CHECK(process.tokens.state().kind == SignInState::Kind::signed_out);
  CHECK(machine.github.exchanges() == 2);
  // They are left alone for a minute.
  machine.clock.advance(30s);
  CHECK(process.problem() == ErrorCode::not_signed_in);
  CHECK(machine.github.exchanges() == 2);
  machine.clock.advance(31s);
  machine.github.grant(copilot_one, machine.clock.unix_seconds());
  CHECK(process.token() == copilot_one);
}

TEST_CASE("a borrowed sign-in is kept while GitHub cannot be reached") {
  Machine machine;
  machine.github.answer(ScriptedGitHub::exchange_route, 502, "{}");
  Process process(machine);
  process.sources.add(
      std::make_unique<Borrowed>(std::vector{github_token('a'), github_token('b')}));
  CHECK(process.problem() == ErrorCode::upstream_failed);
  CHECK(process.tokens.state().source == "program a");
  CHECK(process.tokens.state().kind == SignInState::Kind::unreachable);
}

TEST_CASE("a sign-out leaves borrowed sign-ins alone until somebody asks for them") {
  Machine machine;
  Process process(machine);
  process.sources.add(std::make_unique<Borrowed>(std::vector{github_token('a')}));
  process.sources.set_borrowing([&] { return why_not_borrow(machine.stores, process.config); });
  CHECK(process.token() == copilot_one);
  auto out = run(process.io, process.tokens.sign_out());
  REQUIRE(out);
  CHECK_FALSE(*out);
  CHECK(process.problem() == ErrorCode::not_signed_in);
  REQUIRE(process.tokens.use_existing());
  CHECK(process.token() == copilot_one);
}

// ---- explicit tokens ----

TEST_CASE("the first explicit token counts, before the saved sign-in") {
  Machine machine;
  machine.save(github_token('s'));
  Config config;
  give(config, "--token-stdin", github_token('1'), Origin::Kind::command_line);
  give(config, "GITHUB_TOKEN", github_token('2'));
  Process process(machine, config);
  CHECK(process.token() == copilot_one);
  CHECK(has(machine.github.last(ScriptedGitHub::exchange_route), github_token('1')));
  auto const state = process.tokens.state();
  CHECK(has(state.source, "--token-stdin"));
  CHECK(state.passed_over.empty());
}

TEST_CASE(
    "an explicit token's Copilot token is shared like any other; the token itself is not kept") {
  Machine machine;
  Config config;
  give(config, "GITHUB_TOKEN", github_token('1'));
  Process process(machine, config);
  CHECK(process.token() == copilot_one);
  Process next(machine, config);
  CHECK(next.token() == copilot_one);
  CHECK(machine.github.exchanges() == 1);
  auto const& issuer = process.config.issuer.origin;
  auto row = machine.stores.accounts().find_borrowed(
      issuer, fingerprint(Secret(github_token('1')), issuer));
  REQUIRE(row);
  REQUIRE(row->has_value());
  CHECK((*row)->github_token.empty());
  // It is no saved sign-in, and a sign-out takes what was learnt along.
  CHECK(machine.stores.accounts().list(issuer)->empty());
  REQUIRE(run(process.io, process.tokens.sign_out()));
  machine.github.grant(copilot_two, machine.clock.unix_seconds());
  CHECK(process.token() == copilot_two);
  CHECK(machine.github.exchanges() == 2);
}

TEST_CASE("a malformed explicit token is an error that does not repeat it, nothing is skipped") {
  Machine machine;
  machine.save(github_token('s'));
  Config config;
  give(config, "GITHUB_TOKEN", "gho_tooshort");
  give(config, "GH_TOKEN", github_token('2'));
  Process process(machine, config);
  auto refused = process.get();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::token_malformed);
  CHECK(has(refused.error().message(), "environment GITHUB_TOKEN"));
  CHECK_FALSE(has(refused.error().message(), "gho_tooshort"));
  CHECK(process.tokens.state().kind == SignInState::Kind::refused);
  CHECK(machine.github.exchanges() == 0);
}

TEST_CASE("ambient tokens that can never chat are passed over, with the reason") {
  auto const prefix = GENERATE("ghp_", "ghs_", "ghr_");
  auto const key = GENERATE("GITHUB_TOKEN", "GH_TOKEN");
  CAPTURE(prefix, key);
  Machine machine;
  machine.save(github_token('s'));
  Config config;
  give(config, key, token_like(prefix, 'x'));
  Process process(machine, config);
  CHECK(process.token() == copilot_one);
  CHECK(has(machine.github.last(ScriptedGitHub::exchange_route), github_token('s')));
  auto const state = process.tokens.state();
  CHECK(state.source == "saved sign-in");
  REQUIRE(state.passed_over.size() == 1);
  CHECK(state.passed_over[0].source == std::string("environment ") + key);
  CHECK(has(state.passed_over[0].reason, prefix));
  CHECK(has(state.passed_over[0].reason, "cannot be used with Copilot"));
}

TEST_CASE("a token under a name that says Copilot is tried whatever its kind") {
  Machine machine;
  Config config;
  give(config, "GITHUB_COPILOT_TOKEN", token_like("ghp_", 'x'));
  machine.github.answer(ScriptedGitHub::exchange_route, 404, R"({"message":"Not Found"})");
  Process process(machine, config);
  CHECK(process.problem() == ErrorCode::token_rejected);
  CHECK(machine.github.exchanges() == 1);
}

TEST_CASE("a token from a file does not go to a simulator") {
  auto const kind =
      GENERATE(Origin::Kind::directory_file, Origin::Kind::user_file, Origin::Kind::env_file);
  Machine machine;
  Config config;
  give(config, "GITHUB_TOKEN", github_token('f'), kind);
  Process process(machine, config);
  CHECK(process.problem() == ErrorCode::not_signed_in);
  REQUIRE_FALSE(process.tokens.state().passed_over.empty());
  CHECK(has(process.tokens.state().passed_over[0].reason, "simulator"));
  CHECK(machine.github.exchanges() == 0);
}

TEST_CASE("without any sign-in the error names the ways to one") {
  Machine machine;
  Process process(machine);
  auto refused = process.get();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::not_signed_in);
  CHECK(has(refused.error().message(), "Missing required GitHub configuration: GITHUB_TOKEN"));
  CHECK(has(refused.error().message(), "jumpseat login"));
  CHECK(machine.github.exchanges() == 0);
}

TEST_CASE("GITHUB_COPILOT_ENABLED=false: nobody is asked") {
  Machine machine;
  machine.save(github_token('a'));
  Config config;
  config.enabled = false;
  Process process(machine, config);
  CHECK(process.problem() == ErrorCode::copilot_disabled);
  CHECK(process.tokens.state().kind == SignInState::Kind::disabled);
  CHECK(machine.github.exchanges() == 0);
}

// ---- the user ----

TEST_CASE("user() remembers the login, in the store too") {
  Machine machine;
  machine.save(github_token('a'));
  machine.github.answer("/copilot_internal/user", 200,
                        R"({"login":"octocat","copilot_plan":"individual"})");
  Process process(machine);
  auto user = run(process.io, process.tokens.user());
  REQUIRE(user);
  CHECK(user->login == "octocat");
  CHECK(process.tokens.state().login == "octocat");
  Process next(machine);
  CHECK(next.tokens.state().login == "octocat");
  CHECK(next.tokens.state().kind == SignInState::Kind::unverified);
}

}  // namespace
}  // namespace jumpseat
