#include "server/http/metrics.h"

#include <algorithm>

namespace jumpseat {
namespace {

using Type = PrometheusText::Type;

constexpr std::string_view other = "other";
constexpr int client_closed_request = 499;  // as nginx has it

}  // namespace

void LatencyHistogram::add(std::chrono::microseconds time) {
  auto const seconds = static_cast<double>(time.count()) / 1e6;
  auto const place = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
  ++counts_[static_cast<std::size_t>(place)];
  ++count_;
  sum_ += seconds;
}

void LatencyHistogram::write(PrometheusText& text, PrometheusText::Labels labels) const {
  text.histogram(labels, bounds, counts_, sum_);
}

// A handful of models and outcomes: looking through them is cheaper than any index.
Metrics::ModelCounts& Metrics::counts_of(std::string_view model) {
  for (auto& counts : models_) {
    if (counts.model == model) return counts;
  }
  if (models_.size() >= max_models && model != other) return counts_of(other);
  auto& added = models_.emplace_back();
  added.model = model;
  return added;
}

void Metrics::count(Outcomes& outcomes, std::string_view route, int status) {
  for (auto& outcome : outcomes) {
    if (outcome.status != status || outcome.route != route) continue;
    ++outcome.count;
    return;
  }
  outcomes.push_back({route, status, 1});
}

void Metrics::served(RequestRecord const& record) {
  auto& counts = counts_of(record.listed_model);
  auto const route = record.route.empty() ? other : record.route;
  count(counts.requests, route, record.status);
  bool const failed = !record.error_code.empty() || record.status >= 400;
  if (failed) {
    bool const left = record.error_code == "client_cancelled";
    count(counts.failures, route, left ? client_closed_request : record.status);
  }
  if (counts.model.empty()) return;
  auto const add = [](std::uint64_t& sum, std::optional<std::int64_t> tokens) {
    if (tokens && *tokens > 0) sum += static_cast<std::uint64_t>(*tokens);
  };
  add(counts.input_tokens, record.prompt_tokens);
  add(counts.output_tokens, record.completion_tokens);
  if (failed) return;
  counts.latency.add(record.duration);
  if (record.first_event) counts.first_token.add(*record.first_event);
}

void Metrics::write(PrometheusText& text) const {
  auto const outcomes = [&](Outcomes ModelCounts::* which, std::string_view status_label) {
    for (auto const& counts : models_) {
      for (auto const& outcome : counts.*which) {
        auto const status = std::to_string(outcome.status);
        text.sample(
            {{"route", outcome.route}, {"requested_model", counts.model}, {status_label, status}},
            static_cast<double>(outcome.count));
      }
    }
  };
  text.family("litellm_proxy_total_requests_metric_total", Type::counter,
              "Requests that have ended, however they did.");
  outcomes(&ModelCounts::requests, "status_code");
  text.family("litellm_proxy_failed_requests_metric_total", Type::counter,
              "Requests that failed, also after a stream's first byte; 499: the client left.");
  outcomes(&ModelCounts::failures, "exception_status");

  auto const of_models = [&](std::string_view name, Type type, std::string_view help,
                             auto const& tell) {
    text.family(name, type, help);
    for (auto const& counts : models_) {
      if (!counts.model.empty()) tell(counts);
    }
  };
  auto const tokens = [&](std::string_view name, std::string_view help, auto const& sum) {
    of_models(name, Type::counter, help, [&](ModelCounts const& counts) {
      text.sample({{"model", counts.model}}, static_cast<double>(sum(counts)));
    });
  };
  tokens("litellm_input_tokens_metric_total", "Tokens of prompts, as Copilot counts them.",
         [](ModelCounts const& counts) { return counts.input_tokens; });
  tokens("litellm_output_tokens_metric_total", "Tokens of answers, as Copilot counts them.",
         [](ModelCounts const& counts) { return counts.output_tokens; });
  tokens("litellm_total_tokens_metric_total", "Both together.",
         [](ModelCounts const& counts) { return counts.input_tokens + counts.output_tokens; });
  auto const latencies = [&](std::string_view name, std::string_view help,
                             LatencyHistogram ModelCounts::* which) {
    of_models(name, Type::histogram, help, [&](ModelCounts const& counts) {
      if (!(counts.*which).empty()) (counts.*which).write(text, {{"model", counts.model}});
    });
  };
  latencies("litellm_request_total_latency_metric",
            "Seconds from a request's head to the end of its answer; good answers only.",
            &ModelCounts::latency);
  latencies("litellm_llm_api_time_to_first_token_metric",
            "Seconds from a request's head to a stream's first chunk; good answers only.",
            &ModelCounts::first_token);
}

}  // namespace jumpseat
