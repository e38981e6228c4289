#pragma once
// Everything the dashboard keeps of one trainer: the last value of everything, the curves, the newest events.
// Single-threaded.

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "series.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/trainer_view.hpp"

namespace trainbus {

// The curves, in the order of kSeriesNames. x is the step up to kGpuMemoryMb, then the epoch.
enum class SeriesId : std::uint8_t {
  kBatchLoss,
  kBatchAccuracy,
  kLearningRate,
  kTimePerBatchMs,
  kFps,
  kCpuPercent,
  kMemoryMb,
  kGpuPercent,
  kGpuMemoryMb,
  kEpochLoss,
  kEpochAccuracy,
  kEpochLearningRate,
  kValidationLoss,
  kValidationAccuracy,
  kCount
};
inline constexpr std::size_t kSeriesCount = static_cast<std::size_t>(SeriesId::kCount);
std::string_view series_name(SeriesId id);
std::optional<SeriesId> series_from_name(std::string_view name);

class TrainerModel {
 public:
  static constexpr std::size_t kMaxEvents = 500;  // the oldest go

  explicit TrainerModel(const SessionName& session) : view_(session) {}

  // At most so many points a curve.
  void limit_curves(std::size_t max_points);

  // Takes one record or heartbeat. True when a newer incarnation superseded points that a browser may already show.
  bool apply(const Record& record, std::int64_t now_ms);

  const TrainerView& view() const { return view_; }
  const Series& series(SeriesId id) const { return series_[static_cast<std::size_t>(id)]; }
  // The newest status, command and alert records, oldest first, each one JSON object.
  const std::deque<std::string>& events() const { return events_; }
  // At most `count` of the newest batch losses, oldest first.
  std::span<const Point> newest_losses(std::size_t count) const;

 private:
  bool add(SeriesId id, const v1::MetricsRequest& message, double x, double y);
  bool apply_batch(const v1::MetricsRequest& message);
  bool apply_epoch(const v1::MetricsRequest& message);
  bool apply_perf(const v1::MetricsRequest& message);

  TrainerView view_;
  std::array<Series, kSeriesCount> series_;
  std::deque<std::string> events_;
};

}  // namespace trainbus
