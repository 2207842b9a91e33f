#include "server/chat/usage_service.h"

#include <utility>

namespace jumpseat {

UsageService::UsageService(TokenService& tokens, Clock& clock) : tokens_(tokens), clock_(clock) {
  // Perhaps somebody else's account now.
  tokens_.on_change([this] { user_.reset(); });
}

awaitable<Result<UsageService::Usage>> UsageService::get() {
  auto settled = co_await tokens_.settle();
  if (!settled) co_return settled.error();
  Usage usage;
  auto const now = clock_.elapsed();
  if (user_ && now - read_at_ < fresh_for) {
    usage.user = *user_;
    usage.age_seconds = std::chrono::duration_cast<std::chrono::seconds>(now - read_at_).count();
    co_return std::move(usage);
  }
  auto user = co_await tokens_.user();
  if (!user) co_return user.error();
  // The sign-in may have changed meanwhile: then this is not to be remembered.
  auto who = tokens_.sign_in();
  if (who && (*who)->login == user->login) {
    user_ = *user;
    read_at_ = clock_.elapsed();
  }
  usage.user = std::move(*user);
  co_return std::move(usage);
}

}  // namespace jumpseat
