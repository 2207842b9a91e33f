// The OpenAI-compatible port as the other front ends see it: an editor starts and stops it over
// JSON-RPC, a person with `jumpseat serve`. What it does and how is in server/http.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "protocol/secret.h"
#include "server/base/asio.h"

namespace jumpseat {

struct PortOptions {
  PortOptions() = default;
  // What is absent comes from the configuration.
  std::optional<std::string> host;
  std::optional<std::uint16_t> port;
  std::optional<Secret> key;
  // A port that another process of ours has opened already.
  enum class WhenTaken {
    share,  // its address is as good as ours; when that process ends, the port becomes ours
    fail,
  } when_taken = WhenTaken::share;
};

struct PortState {
  PortState() = default;
  enum class Kind {
    closed,
    open,    // this process serves it
    shared,  // another process of ours does
  } kind = Kind::closed;
  std::string url;       // "http://localhost:8080"; empty when closed
  std::string key;       // what clients must show; empty when nothing
  std::int64_t pid = 0;  // of the process that serves
  std::size_t connections = 0;
  std::uint64_t requests = 0;
};

// What one request came to, for a line at the terminal.
struct ServedRequest {
  std::string_view method;
  std::string_view path;
  std::string_view asked_model;
  std::string_view model;
  int status = 0;
  std::string_view error_code;
  std::chrono::microseconds duration{0};
  std::optional<std::int64_t> prompt_tokens;
  std::optional<std::int64_t> completion_tokens;
};

class HttpPort {
 public:
  virtual ~HttpPort() = default;

  // Opens the port, or joins the process of ours that has it. Already open: answers as it is, or
  // fails with port_unavailable when something else is wanted. Fails with port_unavailable, which
  // names the owner of a port that is taken, or config_invalid.
  virtual awaitable<Result<PortState>> start(PortOptions options) = 0;
  // Closes it; answers under way get a moment. Returns at once when it is closed.
  virtual awaitable<> stop() = 0;
  virtual PortState state() const = 0;
  // Called after every request; the views are valid during the call. One listener.
  virtual void on_served(std::function<void(ServedRequest const&)> listener) = 0;
};

}  // namespace jumpseat
