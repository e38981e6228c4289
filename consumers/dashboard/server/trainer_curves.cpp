#include "trainer_curves.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace trainbus {
namespace {

constexpr std::array<std::string_view, 16> kBuiltInNames = {
    "batch_loss",     "batch_accuracy",      "learning_rate",   "time_per_batch_ms",   "fps",
    "cpu_percent",    "memory_mb",           "gpu_percent",     "gpu_memory_mb",       "epoch_loss",
    "epoch_accuracy", "epoch_learning_rate", "validation_loss", "validation_accuracy", "timestamp_ms",
    "epoch_end",
};
constexpr std::int64_t kTimedEveryMs = 1000;
constexpr std::size_t kFewestPoints = 16;  // of one curve, however little room there is

}  // namespace

std::string curve_name(std::string_view value_name) {
  const bool taken = std::ranges::find(kBuiltInNames, value_name) != kBuiltInNames.end();
  return (taken ? "scalars/" : "") + std::string(value_name);
}

void TrainerCurves::set_budget(std::size_t max_points) {
  budget_ = max_points;
  keep_budget();
}

// All curves alike are halved until together they fit.
void TrainerCurves::keep_budget() {
  while (points_ > budget_ && limit_ > kFewestPoints) {
    limit_ /= 2;
    points_ = 0;
    for (auto& [name, curve] : curves_) {
      curve.set_limit(limit_);
      points_ += curve.size();
    }
  }
}

void TrainerCurves::add(const v1::MetricsRequest& message, std::string_view name, Axis axis, double x, double y) {
  auto found = curves_.find(name);
  if (found == curves_.end()) {
    found = curves_.emplace(name, axis).first;
    found->second.set_limit(limit_);
  }
  const std::size_t before = found->second.size();
  found->second.append(message.incarnation(), x, y);
  points_ += found->second.size() - before;
  if (points_ > budget_) keep_budget();
}

void TrainerCurves::add_named(const v1::MetricsRequest& message, const Values& values, double step) {
  for (const auto& [value_name, value] : values) {
    const std::string name = curve_name(value_name);
    if (!curves_.contains(name)) {
      if (named_ == kMaxValueNames) {
        if (left_out_.size() < kMaxCountedNames) left_out_.insert(value_name);
        continue;
      }
      ++named_;
    }
    add(message, name, Axis::kStep, step, value);
  }
}

// When a step was done: a point a second is enough to draw every curve over time.
void TrainerCurves::take_time(const v1::MetricsRequest& message, double step) {
  const auto now_ms = static_cast<std::int64_t>(message.timestamp_ms());
  if (now_ms <= 0 || (timed_incarnation_ == message.incarnation() && std::abs(now_ms - timed_ms_) < kTimedEveryMs))
    return;
  timed_incarnation_ = message.incarnation();
  timed_ms_ = now_ms;
  add(message, "timestamp_ms", Axis::kStep, step, static_cast<double>(now_ms));
}

void TrainerCurves::take_batch(const v1::MetricsRequest& message, double step) {
  const auto& batch = message.batch_data();
  if (batch.has_batch_loss()) add(message, "batch_loss", Axis::kStep, step, batch.batch_loss());
  if (batch.has_batch_accuracy()) add(message, "batch_accuracy", Axis::kStep, step, batch.batch_accuracy());
  if (batch.has_learning_rate()) add(message, "learning_rate", Axis::kStep, step, batch.learning_rate());
  add_named(message, batch.scalars(), step);
  take_time(message, step);
}

void TrainerCurves::take_epoch(const v1::MetricsRequest& message, double step) {
  const auto& epoch = message.epoch_data();
  const auto take = [&](std::string_view name, bool said, double value) {
    if (said) add(message, name, Axis::kEpoch, epoch.epoch(), value);
  };
  take("epoch_loss", epoch.has_average_loss(), epoch.average_loss());
  take("epoch_accuracy", epoch.has_average_accuracy(), epoch.average_accuracy());
  take("epoch_learning_rate", epoch.has_learning_rate(), epoch.learning_rate());
  take("validation_loss", epoch.has_validation_loss(), epoch.validation_loss());
  take("validation_accuracy", epoch.has_validation_accuracy(), epoch.validation_accuracy());
  add_named(message, epoch.scalars(), step);
  if (step > 0) add(message, "epoch_end", Axis::kStep, step, epoch.epoch());
  take_time(message, step);
}

void TrainerCurves::take_perf(const v1::MetricsRequest& message, double step) {
  const auto& perf = message.performance_data();
  const auto take = [&](std::string_view name, bool said, double value) {
    if (said) add(message, name, Axis::kStep, step, value);
  };
  take("time_per_batch_ms", perf.has_time_per_batch_ms(), perf.time_per_batch_ms());
  take("fps", perf.has_current_fps(), perf.current_fps());
  if (!perf.has_resource_usage()) return;
  const auto& used = perf.resource_usage();
  take("cpu_percent", used.has_cpu_percent(), used.cpu_percent());
  take("memory_mb", used.has_memory_mb(), used.memory_mb());
  take("gpu_percent", used.has_gpu_percent(), used.gpu_percent());
  take("gpu_memory_mb", used.has_gpu_memory_mb(), used.gpu_memory_mb());
}

void TrainerCurves::take_scalars(const v1::MetricsRequest& message, double step) {
  add_named(message, message.scalar_data().values(), step);
  take_time(message, step);
}

bool TrainerCurves::apply(const Record& record) {
  const auto& message = record.message;
  const Kind kind = record.topic.kind;
  if (kind == v1::KIND_HEARTBEAT || kind == v1::KIND_COMMAND || kind == v1::KIND_ALERT) return false;
  const auto placed = placement_.take(message, record.order);
  if (!placed.told_apart) return false;
  switch (kind) {
    case v1::KIND_BATCH: take_batch(message, placed.own_step); break;
    case v1::KIND_EPOCH: take_epoch(message, placed.own_step); break;
    case v1::KIND_PERF: take_perf(message, placed.own_step); break;
    case v1::KIND_SCALARS: take_scalars(message, placed.own_step); break;
    default: break;
  }
  while (placement_.full())
    fold_oldest();
  return placed.moved;
}

void TrainerCurves::fold_oldest() {
  for (auto& [name, curve] : curves_)
    curve.fold(placement_.places(curve.axis()).front());
  placement_.forget_oldest();
}

std::vector<Point> TrainerCurves::line(std::string_view name, double x_min, double x_max) const {
  const auto found = curves_.find(name);
  if (found == curves_.end()) return {};
  return found->second.line(placement_.places(found->second.axis()), x_min, x_max);
}

std::vector<Point> TrainerCurves::of(std::string_view name, std::uint64_t incarnation, double x_min,
                                     double x_max) const {
  const auto found = curves_.find(name);
  if (found == curves_.end()) return {};
  const Place* place = placement_.find(found->second.axis(), incarnation);
  return place == nullptr ? std::vector<Point>{} : found->second.of(*place, x_min, x_max);
}

std::span<const Point> TrainerCurves::newest(std::string_view name, std::uint64_t incarnation,
                                             std::size_t count) const {
  const auto found = curves_.find(name);
  return found == curves_.end() ? std::span<const Point>{} : found->second.newest(incarnation, count);
}

}  // namespace trainbus
