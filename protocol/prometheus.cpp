#include "protocol/prometheus.h"

#include <array>
#include <charconv>
#include <cstddef>

namespace jumpseat {
namespace {

std::string_view name_of(PrometheusText::Type type) {
  switch (type) {
    case PrometheusText::Type::counter:
      return "counter";
    case PrometheusText::Type::gauge:
      return "gauge";
    case PrometheusText::Type::histogram:
      return "histogram";
  }
  return "untyped";
}

// The shortest text that reads back as the same number.
std::string number(double value) {
  std::array<char, 32> text;
  auto const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return std::string(text.data(), static_cast<std::size_t>(end - text.data()));
}

void append_escaped(std::string& out, std::string_view value) {
  for (char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

}  // namespace

void PrometheusText::family(std::string_view name, Type type, std::string_view help) {
  family_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text_.append("# TYPE ").append(name).append(" ").append(name_of(type)).append("\n");
}

void PrometheusText::line(std::string_view suffix, Labels labels, std::string_view bound,
                          double value) {
  text_.append(family_).append(suffix);
  char before = '{';
  auto const label = [&](std::string_view name, std::string_view text) {
    text_ += before;
    before = ',';
    text_.append(name).append("=\"");
    append_escaped(text_, text);
    text_ += '"';
  };
  for (auto const& [name, text] : labels) label(name, text);
  if (!bound.empty()) label("le", bound);
  if (before == ',') text_ += '}';
  text_.append(" ").append(number(value)).append("\n");
}

void PrometheusText::sample(Labels labels, double value) { line({}, labels, {}, value); }

void PrometheusText::histogram(Labels labels, std::span<double const> bounds,
                               std::span<std::uint64_t const> counts, double sum) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    auto const bound = i < bounds.size() ? number(bounds[i]) : std::string("+Inf");
    line("_bucket", labels, bound, static_cast<double>(total));
  }
  line("_sum", labels, {}, sum);
  line("_count", labels, {}, static_cast<double>(total));
}

}  // namespace jumpseat
