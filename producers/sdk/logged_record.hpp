#pragma once
// What log_* was given, on its way into the spool: plain values, valid during the call.

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "trainbus/producer.hpp"

namespace trainbus {

struct LoggedStatus {
  v1::TrainingStatus status = v1::UNKNOWN;
  std::string message;
  std::shared_ptr<const TrainingPlan> plan;  // may be null
};
struct LoggedRecord {
  std::int64_t timestamp_ms = 0;
  std::uint64_t step = 0;
  std::variant<BatchMetrics, EpochMetrics, PerfMetrics, LoggedStatus> payload;
};

inline Kind kind_of(const LoggedRecord& record) {
  constexpr Kind kKinds[] = {v1::KIND_BATCH, v1::KIND_EPOCH, v1::KIND_PERF, v1::KIND_STATUS};
  return kKinds[record.payload.index()];
}

}  // namespace trainbus
