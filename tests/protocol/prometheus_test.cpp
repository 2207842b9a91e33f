// The text format, line by line.
#include "protocol/prometheus.h"

#include <array>

#include <catch2/catch.hpp>

using namespace jumpseat;

TEST_CASE("a family has its help, its type and its samples") {
  PrometheusText text;
  text.family("a_total", PrometheusText::Type::counter, "How many.");
  text.sample({}, 0);
  text.sample({{"model", "m"}, {"status", "200"}}, 3);
  text.family("b", PrometheusText::Type::gauge, "How much.");
  text.sample({}, 0.5);
  CHECK(text.take() ==
        "# HELP a_total How many.\n# TYPE a_total counter\na_total 0\n"
        "a_total{model=\"m\",status=\"200\"} 3\n"
        "# HELP b How much.\n# TYPE b gauge\nb 0.5\n");
}

TEST_CASE("a label value cannot end its label or its line") {
  PrometheusText text;
  text.family("a", PrometheusText::Type::gauge, "x");
  text.sample({{"model", "q\"} 1\nb\\"}}, 1);
  CHECK(text.take() == "# HELP a x\n# TYPE a gauge\na{model=\"q\\\"} 1\\nb\\\\\"} 1\n");
}

TEST_CASE("the buckets of a histogram add up") {
  PrometheusText text;
  text.family("s", PrometheusText::Type::histogram, "x");
  std::array const bounds{0.5, 10.0};
  std::array<std::uint64_t, 3> const counts{2, 0, 1};
  text.histogram({{"model", "m"}}, bounds, counts, 31.25);
  CHECK(text.take() ==
        "# HELP s x\n# TYPE s histogram\n"
        "s_bucket{model=\"m\",le=\"0.5\"} 2\n"
        "s_bucket{model=\"m\",le=\"10\"} 2\n"
        "s_bucket{model=\"m\",le=\"+Inf\"} 3\n"
        "s_sum{model=\"m\"} 31.25\n"
        "s_count{model=\"m\"} 3\n");
}
