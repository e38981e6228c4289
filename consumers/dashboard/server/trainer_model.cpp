#include "trainer_model.hpp"

#include "trainer_json.hpp"

namespace trainbus {
namespace {

constexpr std::array<std::string_view, kSeriesCount> kSeriesNames = {
    "batch_loss",     "batch_accuracy",      "learning_rate",   "time_per_batch_ms",   "fps",
    "cpu_percent",    "memory_mb",           "gpu_percent",     "gpu_memory_mb",       "epoch_loss",
    "epoch_accuracy", "epoch_learning_rate", "validation_loss", "validation_accuracy",
};

// A client that does not count its steps is drawn over its sequence.
double step_of(std::uint64_t step, const v1::MetricsRequest& message) {
  return static_cast<double>(step != 0 ? step : message.sequence());
}

}  // namespace

std::string_view series_name(SeriesId id) { return kSeriesNames[static_cast<std::size_t>(id)]; }

std::optional<SeriesId> series_from_name(std::string_view name) {
  for (std::size_t id = 0; id < kSeriesCount; ++id)
    if (kSeriesNames[id] == name) return static_cast<SeriesId>(id);
  return std::nullopt;
}

void TrainerModel::limit_curves(std::size_t max_points) {
  for (auto& series : series_)
    series.set_limit(max_points);
}

bool TrainerModel::add(SeriesId id, const v1::MetricsRequest& message, double x, double y) {
  return series_[static_cast<std::size_t>(id)].append(message.incarnation(), x, y);
}

bool TrainerModel::apply_batch(const v1::MetricsRequest& message) {
  const auto& batch = message.batch_data();
  const double step = step_of(batch.step(), message);
  bool superseded = add(SeriesId::kBatchLoss, message, step, batch.batch_loss());
  superseded |= add(SeriesId::kBatchAccuracy, message, step, batch.batch_accuracy());
  if (batch.learning_rate() != 0) superseded |= add(SeriesId::kLearningRate, message, step, batch.learning_rate());
  return superseded;
}

bool TrainerModel::apply_epoch(const v1::MetricsRequest& message) {
  const auto& epoch = message.epoch_data();
  const double x = epoch.epoch();
  bool superseded = add(SeriesId::kEpochLoss, message, x, epoch.average_loss());
  superseded |= add(SeriesId::kEpochAccuracy, message, x, epoch.average_accuracy());
  superseded |= add(SeriesId::kEpochLearningRate, message, x, epoch.learning_rate());
  if (epoch.has_validation_loss()) superseded |= add(SeriesId::kValidationLoss, message, x, epoch.validation_loss());
  if (epoch.has_validation_accuracy())
    superseded |= add(SeriesId::kValidationAccuracy, message, x, epoch.validation_accuracy());
  return superseded;
}

bool TrainerModel::apply_perf(const v1::MetricsRequest& message) {
  const auto& perf = message.performance_data();
  const double step = step_of(perf.step(), message);
  bool superseded = add(SeriesId::kTimePerBatchMs, message, step, perf.time_per_batch_ms());
  superseded |= add(SeriesId::kFps, message, step, perf.current_fps());
  if (!perf.has_resource_usage()) return superseded;
  const auto& used = perf.resource_usage();
  superseded |= add(SeriesId::kCpuPercent, message, step, used.cpu_percent());
  superseded |= add(SeriesId::kMemoryMb, message, step, used.memory_mb());
  superseded |= add(SeriesId::kGpuPercent, message, step, used.gpu_percent());
  superseded |= add(SeriesId::kGpuMemoryMb, message, step, used.gpu_memory_mb());
  return superseded;
}

bool TrainerModel::apply(const Record& record, std::int64_t now_ms) {
  const auto& message = record.message;
  view_.fold(record.topic.kind, message, now_ms, record.from_history);
  switch (record.topic.kind) {
    case v1::KIND_BATCH: return apply_batch(message);
    case v1::KIND_EPOCH: return apply_epoch(message);
    case v1::KIND_PERF: return apply_perf(message);
    case v1::KIND_STATUS:
    case v1::KIND_COMMAND:
    case v1::KIND_ALERT:
      if (events_.size() == kMaxEvents) events_.pop_front();
      append_event(events_.emplace_back(), record);
      return false;
    default: return false;
  }
}

std::span<const Point> TrainerModel::newest_losses(std::size_t count) const {
  const auto all = series(SeriesId::kBatchLoss).range();
  return all.last(std::min(count, all.size()));
}

}  // namespace trainbus
