#pragma once
// What is known of the bus as Prometheus metrics: the same names with the same meaning wherever they are served.

#include "broker_metrics.hpp"
#include "metric_families.hpp"
#include "trainbus/ledger.hpp"
#include "trainbus/trainer_view.hpp"

namespace trainbus {

// Names of values that are exported of a trainer, the first in their order: each is a time series of Prometheus.
inline constexpr std::size_t kMaxScalarSamples = 200;

// A trainer's newest incarnation, with the labels run and trainer. A figure that was not said has no sample, one that
// is not finite has one. trainbus_scalar{name=...} has at most kMaxScalarSamples names; trainbus_scalar_names_left_out
// says how many there are beyond.
void add_trainer_metrics(MetricFamilies& families, const TrainerView& view, Liveness state, std::int64_t now_ms);
// Where everything is that it gave out.
void add_ledger_metrics(MetricFamilies& families, const TrainerLedger& ledger);

}  // namespace trainbus
