// LocalPort is the port of this process, or its share in that of another one. Several editors on
// one machine start several of us; they all offer the same address. The first opens it, the others
// keep a connection to it and wait: when it ends, the first to notice opens the port anew.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "protocol/result.h"
#include "server/base/config.h"
#include "server/base/http_port.h"
#include "server/base/scope.h"
#include "server/http/http_server.h"
#include "server/http/metrics.h"
#include "server/http/router.h"
#include "server/http/routes.h"

namespace jumpseat {

class LocalPort final : public HttpPort {
 public:
  struct Parts {
    asio::io_context& io;
    Scope& background;
    TokenService& tokens;
    ModelCatalog& catalog;
    ChatService& chat;
    EmbeddingsService& embeddings;
    CompletionService& completions;
    AnswerCache& cache;
    UsageService& usage;
    Throttle const& throttle;
    Clock& clock;
    Config const& config;
    std::string version;
  };
  // No work happens here: routes and sockets are made by the first start().
  explicit LocalPort(Parts parts) : parts_(std::move(parts)) {}

  awaitable<Result<PortState>> start(PortOptions options) override;
  awaitable<> stop() override;
  PortState state() const override;
  void on_served(std::function<void(ServedRequest const&)> listener) override {
    listener_ = std::move(listener);
  }

 private:
  struct Neighbour;
  void build();
  Result<void> open();
  awaitable<Result<std::unique_ptr<Neighbour>>> meet();
  awaitable<> wait_for_turn(std::unique_ptr<Neighbour> neighbour);
  std::string url() const;

  Parts parts_;
  Router router_;
  Metrics metrics_;
  std::unique_ptr<HttpServer> server_;
  std::function<void(ServedRequest const&)> listener_;
  PortState::Kind kind_ = PortState::Kind::closed;
  HttpServer::Address address_;
  Secret key_;
  std::int64_t owner_ = 0;  // pid of the process whose port we share
  Scope::TaskId waiting_ = 0;
  bool changing_ = false;  // being opened or closed
};

}  // namespace jumpseat
