#include "server/chat/answer_cache.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "protocol/scan.h"
#include "server/base/log.h"

namespace jumpseat {

bool AnswerCache::suits(ChatRequest const& request) {
  if (request.stream() || request.has_tools()) return false;
  auto const value = find_member(request.body(), "temperature");
  if (!value) return false;
  double temperature = 1;
  auto const [stop, error] =
      std::from_chars(value->data(), value->data() + value->size(), temperature);
  return error == std::errc() && stop == value->data() + value->size() && temperature == 0;
}

AnswerLimits AnswerCache::limits() const {
  return AnswerLimits{config_.cache_age.count(), config_.cache_bytes};
}

awaitable<std::optional<AnswerOwner>> AnswerCache::owner() {
  auto settled = co_await tokens_.settle();
  if (!settled) co_return std::nullopt;
  auto who = tokens_.sign_in();
  if (!who) co_return std::nullopt;
  if ((*who)->ownership == GitHubSignIn::Kind::borrowed && !(*who)->account) {
    // Its row is made when Copilot first takes it.
    auto access = co_await tokens_.get();
    if (access) who = tokens_.sign_in();
    if (!access || !who) co_return std::nullopt;
  }
  AnswerOwner owner;
  owner.name = config_.issuer.origin;
  bool const given = (*who)->ownership == GitHubSignIn::Kind::given;
  if (!given) owner.account = (*who)->account;
  if (owner.account) co_return std::optional<AnswerOwner>(std::move(owner));
  // A token from outside may be another one tomorrow: GitHub says whose it is, once.
  auto login = (*who)->login;
  if (login.empty()) {
    auto user = co_await tokens_.user();
    if (!user) {
      log::returned("cache", user.error());
      co_return std::nullopt;
    }
    login = user->login;
  }
  if (login.empty()) co_return std::nullopt;
  owner.name += "/" + login;
  co_return std::optional<AnswerOwner>(std::move(owner));
}

awaitable<std::optional<AnswerCache::Question>> AnswerCache::question(std::string_view route,
                                                                      std::string_view model,
                                                                      std::string_view body,
                                                                      CacheControl control) {
  if (control.no_store) co_return std::nullopt;
  Question out;
  // The cap counts as well: with another one the answer may have been longer.
  out.text.append(route).append("\n").append(model).append("\n");
  out.text.append(std::to_string(config_.max_tokens_limit)).append("\n").append(body);
  out.control = control;
  auto whose = co_await owner();
  if (!whose) co_return std::nullopt;
  out.owner = std::move(*whose);
  co_return std::optional<Question>(std::move(out));
}

std::optional<AnswerCache::Hit> AnswerCache::find(Question const& question) {
  auto hit = look_up(question);
  ++(hit ? hits_ : misses_);
  return hit;
}

std::optional<AnswerCache::Hit> AnswerCache::look_up(Question const& question) {
  if (question.control.no_cache) return std::nullopt;
  auto const now = clock_.unix_seconds();
  auto wanted = limits();
  if (question.control.max_age)
    wanted.max_age = std::min(wanted.max_age, *question.control.max_age);
  auto stored = stores_.answers().find(question.owner, question.text, now, wanted);
  if (!stored) {
    log::failure("cache", stored.error());
    return std::nullopt;
  }
  if (!*stored) return std::nullopt;
  Hit hit;
  hit.age = now - (*stored)->created_at;
  hit.stored = std::move(**stored);
  return hit;
}

void AnswerCache::keep(Question const& question, std::string_view model, std::string_view answer) {
  StoredAnswer stored;
  stored.answer = answer;
  stored.model = model;
  stored.created_at = clock_.unix_seconds();
  auto saved = stores_.answers().save(question.owner, question.text, stored, limits());
  if (!saved) log::failure("cache", saved.error());
}

}  // namespace jumpseat
