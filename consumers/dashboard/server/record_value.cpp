#include "record_value.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace trainbus {
namespace {

using Value = std::optional<double>;

struct BuiltIn {
  std::string_view curve;
  Kind kind;
  Value (*read)(const v1::MetricsRequest&);
};

template <class Message, class Number>
Value said(const Message& message, bool (Message::*has)() const, Number (Message::*get)() const) {
  return (message.*has)() ? Value((message.*get)()) : std::nullopt;
}

template <auto has, auto get>
Value of_batch(const v1::MetricsRequest& message) {
  return said(message.batch_data(), has, get);
}
template <auto has, auto get>
Value of_perf(const v1::MetricsRequest& message) {
  return said(message.performance_data(), has, get);
}
template <auto has, auto get>
Value of_resources(const v1::MetricsRequest& message) {
  return said(message.performance_data().resource_usage(), has, get);
}

using Batch = v1::BatchData;
using Perf = v1::PerformanceData;
using Used = v1::ResourceUsage;
constexpr std::array<BuiltIn, 9> kBuiltIn = {{
    {"batch_loss", v1::KIND_BATCH, of_batch<&Batch::has_batch_loss, &Batch::batch_loss>},
    {"batch_accuracy", v1::KIND_BATCH, of_batch<&Batch::has_batch_accuracy, &Batch::batch_accuracy>},
    {"learning_rate", v1::KIND_BATCH, of_batch<&Batch::has_learning_rate, &Batch::learning_rate>},
    {"time_per_batch_ms", v1::KIND_PERF, of_perf<&Perf::has_time_per_batch_ms, &Perf::time_per_batch_ms>},
    {"fps", v1::KIND_PERF, of_perf<&Perf::has_current_fps, &Perf::current_fps>},
    {"cpu_percent", v1::KIND_PERF, of_resources<&Used::has_cpu_percent, &Used::cpu_percent>},
    {"memory_mb", v1::KIND_PERF, of_resources<&Used::has_memory_mb, &Used::memory_mb>},
    {"gpu_percent", v1::KIND_PERF, of_resources<&Used::has_gpu_percent, &Used::gpu_percent>},
    {"gpu_memory_mb", v1::KIND_PERF, of_resources<&Used::has_gpu_memory_mb, &Used::gpu_memory_mb>},
}};
constexpr std::array<Kind, 3> kNamed = {v1::KIND_BATCH, v1::KIND_EPOCH, v1::KIND_SCALARS};
constexpr std::string_view kPrefix = "scalars/";  // of a named value whose name a built-in curve has

const BuiltIn* built_in(std::string_view curve) {
  const auto* found = std::ranges::find(kBuiltIn, curve, &BuiltIn::curve);
  return found == kBuiltIn.end() ? nullptr : found;
}

const google::protobuf::Map<std::string, double>* named_in(const v1::MetricsRequest& message) {
  switch (message.payload_case()) {
    case v1::MetricsRequest::kBatchData: return &message.batch_data().scalars();
    case v1::MetricsRequest::kEpochData: return &message.epoch_data().scalars();
    case v1::MetricsRequest::kScalarData: return &message.scalar_data().values();
    default: return nullptr;
  }
}

Value find(const google::protobuf::Map<std::string, double>& values, std::string_view name) {
  const auto found = values.find(std::string(name));
  return found == values.end() ? std::nullopt : Value(found->second);
}

}  // namespace

std::optional<double> value_in(const v1::MetricsRequest& message, std::string_view curve) {
  if (const auto* known = built_in(curve)) return payload_kind(message) == known->kind ? known->read(message) : Value();
  const auto* values = named_in(message);
  if (values == nullptr) return std::nullopt;
  if (const auto value = find(*values, curve)) return value;
  return curve.starts_with(kPrefix) ? find(*values, curve.substr(kPrefix.size())) : std::nullopt;
}

std::span<const Kind> kinds_with(std::string_view curve) {
  if (const auto* known = built_in(curve)) return {&known->kind, 1};
  return kNamed;
}

std::uint64_t step_in(const v1::MetricsRequest& message) {
  switch (message.payload_case()) {
    case v1::MetricsRequest::kBatchData: return message.batch_data().step();
    case v1::MetricsRequest::kEpochData: return message.epoch_data().step();
    case v1::MetricsRequest::kPerformanceData: return message.performance_data().step();
    case v1::MetricsRequest::kScalarData: return message.scalar_data().step();
    case v1::MetricsRequest::kMediaData: return message.media_data().step();
    default: return 0;
  }
}

}  // namespace trainbus
