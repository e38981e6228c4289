#include <array>

#include "files/csv_sink.hpp"
#include "files/jsonl_sink.hpp"
#include "prometheus/prometheus_sink.hpp"
#include "sink_catalog.hpp"
#include "sqlite/sqlite_sink.hpp"
#include "tensorboard/tensorboard_sink.hpp"

namespace trainbus {

std::span<const trainbus_sink_type* const> built_in_sinks() {
  static const std::array kTypes = {
      sink_type<JsonlSink>(),       sink_type<CsvSink>(),        sink_type<SqliteSink>(),
      sink_type<TensorboardSink>(), sink_type<PrometheusSink>(),
  };
  return kTypes;
}

}  // namespace trainbus
