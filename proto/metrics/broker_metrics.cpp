#include "broker_metrics.hpp"

#include <map>
#include <utility>

namespace trainbus {
namespace {

void add_sample(MetricFamilies& families, const std::string& text, double value) {
  auto [name, labels] = parse_figure_name(text);
  name.insert(0, "broker_");
  if (name.ends_with("_total"))
    families.counter(name, "Of the broker", std::move(labels), value);
  else
    families.gauge(name, "Of the broker", std::move(labels), value);
}

}  // namespace

FigureName parse_figure_name(const std::string& text) {
  const auto brace = text.find('{');
  FigureName figure{text.substr(0, brace), {}};
  for (auto at = brace; at != std::string::npos;) {
    const auto begin = at + 1;  // past { or ,
    const auto equals = text.find("=\"", begin);
    if (equals == std::string::npos) break;
    const auto end = text.find('"', equals + 2);
    if (end == std::string::npos) break;
    figure.labels.push_back({text.substr(begin, equals - begin), text.substr(equals + 2, end - equals - 2)});
    at = text.find(',', end);
  }
  return figure;
}

void add_broker_metrics(MetricFamilies& families, const v1::BrokerStats& stats) {
  // Ordered, so that two answers differ in their numbers only.
  for (const auto& [name, value] : std::map(stats.counters().begin(), stats.counters().end()))
    add_sample(families, name, static_cast<double>(value));
  for (const auto& [name, value] : std::map(stats.gauges().begin(), stats.gauges().end()))
    add_sample(families, name, value);
  for (const auto& limit : stats.limits())
    add_limit_metrics(families, "broker", limit);
}

void add_limit_metrics(MetricFamilies& families, const std::string& program, const v1::Limit& limit) {
  const MetricLabels which = {{"program", program}, {"limit", limit.name()}};
  families.gauge("limit_value", "Where a bound stands, in its unit", which, limit.value());
  families.gauge("limit_bound", "What it may reach at most", which, limit.bound());
  families.counter("limit_met_total", "How often it was met", which, static_cast<double>(limit.met_total()));
}

}  // namespace trainbus
