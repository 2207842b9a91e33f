// GET /metrics: what Metrics and Throttle have counted, what is open at the moment, and what the
// process uses, in Prometheus' text format. A scrape asks nobody and costs the requests nothing.

#include <string>
#include <utility>

#include "protocol/prometheus.h"
#include "server/base/process_stats.h"
#include "server/http/http_server.h"
#include "server/http/routes.h"

namespace jumpseat {
namespace {

using Type = PrometheusText::Type;

void write_process(PrometheusText& text) {
  auto const stats = process_stats();
  if (!stats) return;
  auto const one = [&](std::string_view name, Type type, std::string_view help, auto value) {
    text.family(name, type, help);
    text.sample({}, static_cast<double>(value));
  };
  // The names that every Prometheus client library gives them.
  one("process_cpu_seconds_total", Type::counter, "User and system CPU time in seconds.",
      stats->cpu_seconds);
  one("process_resident_memory_bytes", Type::gauge, "Resident memory in bytes.",
      stats->resident_bytes);
  one("process_virtual_memory_bytes", Type::gauge, "Virtual memory in bytes.",
      stats->virtual_bytes);
  one("process_open_fds", Type::gauge, "Open file descriptors.", stats->open_files);
  one("process_max_fds", Type::gauge, "The most there may be.", stats->max_files);
  one("process_threads", Type::gauge, "Threads; libcurl looks names up on threads of its own.",
      stats->threads);
  one("process_start_time_seconds", Type::gauge, "When the process started, in Unix seconds.",
      stats->started_at);
}

// LiteLLM: 0 healthy, 1 partial outage, 2 complete outage.
int number_of(ModelHealth::State state) {
  switch (state) {
    case ModelHealth::State::well:
      return 0;
    case ModelHealth::State::resting:
      return 1;
    case ModelHealth::State::failing:
      return 2;
  }
  return 0;
}

class MetricsRoute {
 public:
  explicit MetricsRoute(RouteParts const& parts)
      : metrics_(parts.metrics),
        throttle_(parts.throttle),
        cache_(parts.cache),
        server_(parts.server),
        version_(parts.version) {}

  awaitable<Result<void>> operator()(IncomingRequest&, Reply& reply) const {
    auto text = write();
    co_await reply.send(200, PrometheusText::content_type, std::move(text));
    co_return Result<void>();
  }

 private:
  std::string write() const {
    PrometheusText text;
    metrics_.write(text);
    write_calls(text);
    write_port(text);
    write_process(text);
    return text.take();
  }

  void write_calls(PrometheusText& text) const {
    auto const of_models = [&](std::string_view name, Type type, std::string_view help,
                               auto const& count) {
      text.family(name, type, help);
      for (auto const& [model, calls] : throttle_.calls()) {
        text.sample({{"litellm_model_name", model}}, static_cast<double>(count(model, calls)));
      }
    };
    of_models("litellm_deployment_success_responses_total", Type::counter,
              "Calls to Copilot that were answered with 2xx.",
              [](auto const&, ModelCalls const& calls) { return calls.succeeded; });
    text.family("litellm_deployment_failure_responses_total", Type::counter,
                "Calls to Copilot that were answered otherwise; status 0: not at all.");
    for (auto const& [model, calls] : throttle_.calls()) {
      for (auto const& [status, count] : calls.failed) {
        auto const word = std::to_string(status);
        text.sample({{"litellm_model_name", model}, {"exception_status", word}},
                    static_cast<double>(count));
      }
    }
    of_models("litellm_deployment_cooled_down_total", Type::counter,
              "Pauses that Copilot has asked for with a 429.",
              [](auto const&, ModelCalls const& calls) { return calls.pauses; });
    of_models(
        "litellm_deployment_state", Type::gauge,
        "0: well; 1: resting after a 429; 2: failing, its circuit is open.",
        [this](auto const& model, ModelCalls const&) { return number_of(throttle_.state(model)); });
    of_models("jumpseat_calls_not_sent_total", Type::counter,
              "Requests that were answered from here because of a pause or an open circuit.",
              [](auto const&, ModelCalls const& calls) { return calls.not_sent; });
  }

  void write_port(PrometheusText& text) const {
    auto const one = [&](std::string_view name, Type type, std::string_view help, auto value) {
      text.family(name, type, help);
      text.sample({}, static_cast<double>(value));
    };
    one("litellm_in_flight_requests", Type::gauge,
        "Requests that are being answered, this one included.", server_.answering());
    one("jumpseat_streams_open", Type::gauge, "Of these, streams.", server_.streams());
    one("jumpseat_connections", Type::gauge, "Open client connections.", server_.connections());
    one("litellm_cache_hits_metric_total", Type::counter, "Answers from the cache.", cache_.hits());
    one("litellm_cache_misses_metric_total", Type::counter,
        "Answers that the cache might have had.", cache_.misses());
    text.family("jumpseat_build_info", Type::gauge, "The program's version.");
    text.sample({{"version", version_}}, 1);
  }

  Metrics const& metrics_;
  Throttle const& throttle_;
  AnswerCache const& cache_;
  HttpServer const& server_;
  std::string version_;
};

}  // namespace

void add_metrics_routes(Router& router, RouteParts const& parts) {
  router.add({HttpMethod::get, "/metrics", Access::key, MetricsRoute(parts)});
}

}  // namespace jumpseat
