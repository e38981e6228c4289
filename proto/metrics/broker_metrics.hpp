#pragma once
// What the broker counts as Prometheus metrics: the same whether it serves them itself or a consumer asked for them.

#include <string>

#include "metric_families.hpp"
#include "trainbus.pb.h"

namespace trainbus {

// The broker's own counters, gauges and limits, as trainbus_broker_NAME. One that ends in _total only grows.
void add_broker_metrics(MetricFamilies& families, const v1::BrokerStats& stats);
// A bound of a program: trainbus_limit_value, _bound, _met_total.
void add_limit_metrics(MetricFamilies& families, const std::string& program, const v1::Limit& limit);

// "name{label="value",other="value"}" as the broker names its figures, whose values have no quotes.
struct FigureName {
  std::string name;
  MetricLabels labels;
};
FigureName parse_figure_name(const std::string& text);

}  // namespace trainbus
