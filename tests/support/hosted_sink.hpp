#pragma once
// Sinks as trainbus-log makes and feeds them, without a bus.

#include <memory>
#include <string>

#include "consumers/log/faced_record.hpp"
#include "consumers/log/hosted_sink.hpp"
#include "consumers/log/sink_catalog.hpp"
#include "trainbus/sink.hpp"

namespace trainbus::test {

// "jsonl:x.jsonl,key=value" as after --sink.
inline std::unique_ptr<HostedSink> hosted_sink(const std::string& text) {
  const auto spec = parse_sink_spec(text);
  return std::make_unique<HostedSink>(plan_sink(spec, sink_type_named(spec.type), {}));
}

// Calls `action` with `record` as a sink gets it.
template <typename Action>
auto as_sink_record(Record record, Action action) {
  record.bytes = record.message.SerializeAsString();
  std::string buffer;
  const FacedRecord faced(record, buffer);
  v1::MetricsRequest scratch;
  return action(SinkRecord(faced, scratch));
}

}  // namespace trainbus::test
