#include "server/net/retry.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "server/base/deadline.h"

namespace jumpseat {

std::optional<std::chrono::milliseconds> Backoff::next(double random) {
  if (left_ <= 0) return std::nullopt;
  --left_;
  auto const full = std::min(step_, most_);
  step_ = std::min(step_ * 2, most_);
  auto const half = full.count() / 2;
  return std::chrono::milliseconds(
      half + static_cast<std::int64_t>(static_cast<double>(full.count() - half) * random));
}

bool worth_repeating(Result<HttpResponse> const& reply) {
  if (reply) return reply->status >= 500;
  auto const code = reply.error().code();
  return code == ErrorCode::upstream_unreachable || code == ErrorCode::upstream_reset ||
         code == ErrorCode::upstream_interrupted || code == ErrorCode::first_byte_timeout ||
         code == ErrorCode::idle_timeout || code == ErrorCode::dns_failed;
}

awaitable<Result<HttpResponse>> send_repeatable(HttpClient& http, std::function<HttpRequest()> make,
                                                int retries) {
  Backoff backoff(retries);
  while (true) {
    auto request = make();
    auto reply = co_await http.send(std::move(request));
    if (!worth_repeating(reply)) co_return reply;
    auto const pause = backoff.next(random_fraction());
    if (!pause) co_return reply;
    co_await sleep_for(*pause);
  }
}

double random_fraction() {
  static std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator);
}

std::string random_uuid() {
  std::random_device device;  // the system's generator
  std::array<unsigned, 4> words{};
  for (auto& word : words) word = device();
  words[1] = (words[1] & 0xffff0fffu) | 0x00004000u;  // version 4
  words[2] = (words[2] & 0x3fffffffu) | 0x80000000u;  // RFC 9562 variant
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text += '-';
    text += digits[(words[i / 8] >> (28 - 4 * (i % 8))) & 0xf];
  }
  return text;
}

}  // namespace jumpseat
