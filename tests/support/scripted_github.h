// GitHub and Copilot on loopback, as far as services need them: each route gives the answer that
// the test has set for it, and counts.
//
//   ScriptedGitHub github;
//   github.answer("/models", 200, R"({"data":[]})");
//   config.issuer = github.issuer();
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "protocol/url.h"
#include "tests/support/scripted_server.h"

namespace jumpseat {

class ScriptedGitHub {
 public:
  static constexpr char const* exchange_route = "/copilot_internal/v2/token";

  ScriptedGitHub();
  ScriptedGitHub(ScriptedGitHub const&) = delete;
  ScriptedGitHub& operator=(ScriptedGitHub const&) = delete;

  // What `route` answers from now on. Anything else answers 404.
  void answer(std::string const& route, int status, std::string body, std::string headers = {});
  // What it answers once that has been said one time.
  void then(std::string const& route, int status, std::string body, std::string headers = {});
  // The exchange grants a token that lives as long as GitHub's do: half an hour by `now_unix`,
  // GitHub's time of day.
  void grant(std::string_view token, std::int64_t now_unix, std::string_view more = {});
  // From now on every answer waits for one go_on().
  void hold_answers();
  void go_on() { server_.go_on(); }

  // Requests to `route` so far, answered or held.
  std::size_t count(std::string_view route) const;
  // Head and body of the last request to `route`; empty when there was none.
  std::string last(std::string_view route) const;
  std::size_t exchanges() const { return count(exchange_route); }

  Issuer issuer() const;

 private:
  void serve(ScriptedConnection& connection);
  std::string reply_to(std::string const& request);

  mutable std::mutex mutex_;
  std::map<std::string, std::deque<std::string>, std::less<>> replies_;  // the last one stays
  bool hold_ = false;
  ScriptedServer server_;  // last: its threads use the rest
};

}  // namespace jumpseat
