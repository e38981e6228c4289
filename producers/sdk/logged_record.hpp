#pragma once
// What log_* was given, on its way into the spool: pointers to plain values, valid during the call.

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "said_plan.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {

struct LoggedStatus {
  v1::TrainingStatus status = v1::UNKNOWN;
  std::string message;
  std::shared_ptr<const SaidPlan> said;  // may be null
  std::vector<v1::Knob> knobs;
};
struct LoggedScalars {
  std::int32_t epoch = 0;
  const NamedValues* values = nullptr;
};
struct LoggedRecord {
  std::int64_t timestamp_ms = 0;
  std::uint64_t step = 0;
  std::variant<const BatchMetrics*, const EpochMetrics*, const PerfMetrics*, const LoggedStatus*, const LoggedScalars*,
               const v1::MediaData*>
      payload;
};

// In the order of the variant.
inline constexpr Kind kLoggedKinds[] = {v1::KIND_BATCH,  v1::KIND_EPOCH,   v1::KIND_PERF,
                                        v1::KIND_STATUS, v1::KIND_SCALARS, v1::KIND_MEDIA};
static_assert(std::size(kLoggedKinds) == std::variant_size_v<decltype(LoggedRecord::payload)>);

inline Kind kind_of(const LoggedRecord& record) { return kLoggedKinds[record.payload.index()]; }

}  // namespace trainbus
