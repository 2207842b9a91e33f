// Writes Prometheus' text exposition format, version 0.0.4 ("Exposition formats", Prometheus
// documentation):
//
//   PrometheusText text;
//   text.family("jumpseat_connections", PrometheusText::Type::gauge, "Open client connections.");
//   text.sample({}, 3);
//   text.family("litellm_input_tokens_metric_total", PrometheusText::Type::counter, "…");
//   text.sample({{"model", "gpt-4o"}}, 512);
//   reply = text.take();
//
// Names are ours and not checked; label values are escaped. It counts nothing: the numbers are the
// caller's.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace jumpseat {

class PrometheusText {
 public:
  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

  enum class Type { counter, gauge, histogram };
  struct Label {
    std::string_view name;
    std::string_view value;
  };
  using Labels = std::initializer_list<Label>;

  // Begins a family of samples: all that follow, up to the next one, are its own.
  void family(std::string_view name, Type type, std::string_view help);
  void sample(Labels labels, double value);
  // `counts[i]` values were at most `bounds[i]` and above the bound before; the last count, one
  // more than there are bounds, is of those above all of them.
  void histogram(Labels labels, std::span<double const> bounds,
                 std::span<std::uint64_t const> counts, double sum);

  std::string take() { return std::move(text_); }

 private:
  void line(std::string_view suffix, Labels labels, std::string_view bound, double value);

  std::string text_;
  std::string family_;
};

}  // namespace jumpseat
