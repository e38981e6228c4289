// throughput_drop, memory_gradient.

#include <algorithm>
#include <cmath>

#include "judges.hpp"
#include "text_forms.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

ThroughputDropJudge::ThroughputDropJudge(const Condition& condition)
    : condition_(condition), median_(static_cast<std::size_t>(condition.over)) {}

void ThroughputDropJudge::take(const v1::MetricsRequest& record) {
  if (!record.has_performance_data() || !record.performance_data().has_current_fps()) return;
  const double fps = record.performance_data().current_fps();
  if (!std::isfinite(fps)) return;
  if (median_.known()) newest_ = Rate{record.performance_data().step(), fps, median_.median()};
  median_.take(fps);
}

Finding ThroughputDropJudge::judge(const Sight&, bool open) const {
  if (!newest_) return {Finding::kUnknown};
  const double limit = (open ? condition_.until : condition_.limit) * newest_->median;
  return {newest_->fps < limit ? Finding::kHolds : Finding::kClear,
          figure_text(newest_->fps) + " batches/s at step " + std::to_string(newest_->step) + ", the median was " +
              figure_text(newest_->median),
          newest_->fps, newest_->step};
}

void MemoryGradientJudge::take(const v1::MetricsRequest& record) {
  if (!record.has_performance_data() || !record.performance_data().has_resource_usage()) return;
  const auto& usage = record.performance_data().resource_usage();
  const bool said = condition_.of_gpu ? usage.has_gpu_memory_mb() : usage.has_memory_mb();
  const double mb = condition_.of_gpu ? usage.gpu_memory_mb() : usage.memory_mb();
  if (!said || !std::isfinite(mb)) return;
  if (points_.empty()) first_ms_ = record_ms(record);
  const std::int64_t since_first_ms = record_ms(record) - first_ms_;
  const std::int64_t slot = since_first_ms / std::max<std::int64_t>(1, condition_.over_ms / kPoints);
  if (!points_.empty() && slot < points_.back().slot) return;  // the trainer's clock went back
  if (points_.empty() || slot > points_.back().slot) points_.push_back({.slot = slot});
  points_.back().sum_ms += static_cast<double>(since_first_ms);
  points_.back().sum_mb += mb;
  ++points_.back().count;
  while (points_.front().slot <= slot - kPoints)
    points_.pop_front();
  step_ = record.performance_data().step();
}

double MemoryGradientJudge::mb_per_minute() const {
  double mean_ms = 0, mean_mb = 0;
  for (const auto& point : points_) {
    mean_ms += point.sum_ms / point.count / static_cast<double>(points_.size());
    mean_mb += point.sum_mb / point.count / static_cast<double>(points_.size());
  }
  double above = 0, below = 0;
  for (const auto& point : points_) {
    const double ms = point.sum_ms / point.count - mean_ms;
    above += ms * (point.sum_mb / point.count - mean_mb);
    below += ms * ms;
  }
  return below > 0 ? 60'000 * above / below : 0;
}

Finding MemoryGradientJudge::judge(const Sight&, bool) const {
  constexpr std::int64_t kMostOfWindow = kPoints * 4 / 5;
  if (points_.size() < 3 || points_.back().slot - points_.front().slot < kMostOfWindow) return {Finding::kUnknown};
  const double slope = mb_per_minute();
  return {slope > condition_.limit ? Finding::kHolds : Finding::kClear,
          std::string(condition_.of_gpu ? "GPU memory" : "memory") + " grows by " + figure_text(slope) +
              " MB a minute, now " + figure_text(points_.back().sum_mb / points_.back().count) + " MB",
          slope, step_};
}

}  // namespace trainbus
