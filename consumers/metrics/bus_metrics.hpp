#pragma once
// What is known of the bus as Prometheus metrics: the same names with the same meaning wherever they are served.

#include "metric_families.hpp"
#include "trainbus/ledger.hpp"
#include "trainbus/trainer_view.hpp"

namespace trainbus {

// A trainer's newest incarnation, with the labels run and trainer. A figure that is not known has no sample.
void add_trainer_metrics(MetricFamilies& families, const TrainerView& view, Liveness state, std::int64_t now_ms);
// Where everything is that it gave out.
void add_ledger_metrics(MetricFamilies& families, const TrainerLedger& ledger);
// The broker's own counters and gauges.
void add_broker_metrics(MetricFamilies& families, const v1::BrokerStats& stats);

}  // namespace trainbus
