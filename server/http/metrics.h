// What GET /metrics tells, counted as the requests end. Names and labels are those of LiteLLM's
// Prometheus metrics where it has the thing, so that its dashboards fit; docs/http-api.md lists
// them.
//
// Labels are bounded: routes are the router's, models those of the account's list, statuses ours. A
// name that is in no list makes no series. Nothing of a request's text, key or headers gets here.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/prometheus.h"
#include "server/http/handler.h"

namespace jumpseat {

// Seconds, in buckets that suit answers of language models.
class LatencyHistogram {
 public:
  static constexpr std::array bounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25,  0.5,  1.0,
                                     2.5,   5.0,  10.0,  30.0, 60., 120.0, 300.0};
  void add(std::chrono::microseconds time);
  bool empty() const { return count_ == 0; }
  void write(PrometheusText& text, PrometheusText::Labels labels) const;

 private:
  std::array<std::uint64_t, bounds.size() + 1> counts_{};
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

class Metrics {
 public:
  // Models with series of their own; further ones are "other". An account's list has some dozens.
  static constexpr std::size_t max_models = 200;

  void served(RequestRecord const& record);
  // Appends the families that are counted here.
  void write(PrometheusText& text) const;

 private:
  struct Outcome {
    std::string_view route;  // the router's text
    int status = 0;
    std::uint64_t count = 0;
  };
  using Outcomes = std::vector<Outcome>;
  struct ModelCounts {
    std::string model;  // empty: requests that concern none
    Outcomes requests;
    Outcomes failures;  // also after the first byte of a stream; 499: the client left
    std::uint64_t input_tokens = 0;
    std::uint64_t output_tokens = 0;
    LatencyHistogram latency;
    LatencyHistogram first_token;
  };
  ModelCounts& counts_of(std::string_view model);
  static void count(Outcomes& outcomes, std::string_view route, int status);

  std::vector<ModelCounts> models_;
};

}  // namespace jumpseat
