// Repeating calls that cost nothing to repeat: token exchange, model list, user and quota. A
// generation request never comes here; when it may be repeated is decided in server/upstream.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

#include "server/net/http_client.h"

namespace jumpseat {

// Exponential back-off with jitter: waits of about base, 2·base, 4·base … up to `most`, each drawn
// from the upper half of its step, so that several processes do not march in step.
class Backoff {
 public:
  explicit Backoff(int retries, std::chrono::milliseconds base = std::chrono::milliseconds(100),
                   std::chrono::milliseconds most = std::chrono::milliseconds(5000))
      : left_(retries), step_(base), most_(most) {}
  // How long to wait before the next try; nothing when no try is left. `random` is in [0, 1).
  std::optional<std::chrono::milliseconds> next(double random);

 private:
  int left_;
  std::chrono::milliseconds step_;
  std::chrono::milliseconds most_;
};

// Is it worth asking again? True for failures of the way there and for 5xx answers; false for
// everything that GitHub has decided.
bool worth_repeating(Result<HttpResponse> const& reply);

// Sends what `make` builds, again and again until an answer is not worth repeating or `retries` are
// used up. Returns the last answer, whatever its status.
awaitable<Result<HttpResponse>> send_repeatable(HttpClient& http, std::function<HttpRequest()> make,
                                                int retries);

// A random number in [0, 1), for jitter.
double random_fraction();
// A random UUID (RFC 9562, version 4).
std::string random_uuid();

}  // namespace jumpseat
