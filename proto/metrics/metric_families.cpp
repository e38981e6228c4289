#include "metric_families.hpp"

#include <prometheus/text_serializer.h>

namespace trainbus {

using prometheus::MetricType;

void MetricFamilies::gauge(const std::string& name, const std::string& help, MetricLabels labels, double value) {
  sample(name, help, MetricType::Gauge, std::move(labels)).gauge.value = value;
}

std::string MetricFamilies::text() const { return prometheus::TextSerializer().Serialize(families_); }

prometheus::ClientMetric& MetricFamilies::sample(const std::string& name, const std::string& help, MetricType type,
                                                 MetricLabels labels) {
  const auto [at, added] = index_.try_emplace(name, families_.size());
  if (added) families_.push_back({"trainbus_" + name, help, type, {}});
  auto& metric = families_[at->second].metric.emplace_back();
  metric.label = std::move(labels);
  return metric;
}

}  // namespace trainbus
