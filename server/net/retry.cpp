#include "server/net/retry.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <string_view>
#include <system_error>
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
  using Bytes = std::array<unsigned char, 16>;
  // The system's random bytes, for several at once. No process is forked that runs code of ours, so
  // no two can hold the same ones.
  static std::array<Bytes, 16> pool;
  static std::size_t left = 0;
  if (left == 0) {
    if (::getentropy(pool.data(), sizeof pool) != 0)
      throw std::system_error(errno, std::generic_category(), "getentropy");
    left = pool.size();
  }
  Bytes bytes = pool[--left];
  bytes[6] = (bytes[6] & 0x0f) | 0x40;  // version 4
  bytes[8] = (bytes[8] & 0x3f) | 0x80;  // RFC 9562 variant
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(36, '-');
  std::size_t at = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) ++at;  // the dash
    text[at++] = digits[bytes[i] >> 4];
    text[at++] = digits[bytes[i] & 0xf];
  }
  return text;
}

}  // namespace jumpseat
