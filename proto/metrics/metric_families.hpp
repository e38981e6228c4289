#pragma once
// Metrics on their way to Prometheus: families with their samples.

#include <prometheus/metric_family.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace trainbus {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

// Families in the order of their names' first mention, which are given without `trainbus_`. A name has one help text
// and one type.
class MetricFamilies {
 public:
  void gauge(const std::string& name, const std::string& help, MetricLabels labels, double value);
  // Nothing when the value was not said.
  template <typename Number>
  void said_gauge(const std::string& name, const std::string& help, MetricLabels labels,
                  const std::optional<Number>& value) {
    if (value) gauge(name, help, std::move(labels), static_cast<double>(*value));
  }
  template <typename Number>
  void counter(const std::string& name, const std::string& help, MetricLabels labels, Number value) {
    sample(name, help, prometheus::MetricType::Counter, std::move(labels)).counter.value = static_cast<double>(value);
  }

  std::string text() const;

 private:
  prometheus::ClientMetric& sample(const std::string& name, const std::string& help, prometheus::MetricType type,
                                   MetricLabels labels);

  std::vector<prometheus::MetricFamily> families_;
  std::map<std::string, std::size_t> index_;
};

}  // namespace trainbus
