// UsageService says what is left of the account's quota. GitHub is asked at most twice a minute: a
// page or a status bar that looks every second costs nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "protocol/result.h"
#include "protocol/upstream.h"
#include "server/auth/token_service.h"
#include "server/base/clock.h"

namespace jumpseat {

class UsageService {
 public:
  static constexpr std::chrono::seconds fresh_for{30};

  // TokenService calls back for as long as it lives: this outlives its last change.
  UsageService(TokenService& tokens, Clock& clock);
  UsageService(UsageService const&) = delete;
  UsageService& operator=(UsageService const&) = delete;

  struct Usage {
    Usage() = default;
    CopilotUser user;
    std::int64_t age_seconds = 0;
  };
  // Fails with not_signed_in, or why GitHub cannot be asked.
  awaitable<Result<Usage>> get();

 private:
  TokenService& tokens_;
  Clock& clock_;
  std::optional<CopilotUser> user_;
  std::chrono::milliseconds read_at_{0};  // Clock::elapsed()
};

}  // namespace jumpseat
