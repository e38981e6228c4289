#include "trainbus/pace.hpp"

#include <algorithm>

#include "trainbus/liveness.hpp"

namespace trainbus {

void Pace::take(std::uint64_t steps, std::int64_t at_ms) {
  if (at_ms <= 0 || (!points_.empty() && steps <= points_.back().steps)) return;
  if (points_.empty() || interrupted_ || is_gap(steps, at_ms)) {
    points_.assign(1, {at_ms, at_ms, steps});
    interrupted_ = false;
    return;
  }
  Point& newest = points_.back();
  at_ms = std::max(at_ms, newest.at_ms);
  if (at_ms - newest.slot_ms < kSlotMs)
    newest = {newest.slot_ms, at_ms, steps};
  else
    points_.push_back({at_ms, at_ms, steps});
  if (points_.size() > kPoints) points_.pop_front();
  if (points_.size() < 2) return;
  step_ms_ = static_cast<double>(points_.back().at_ms - points_.front().at_ms) /
             static_cast<double>(points_.back().steps - points_.front().steps);
}

// Two points are taken as they are, so that a training that became much slower is followed.
bool Pace::is_gap(std::uint64_t steps, std::int64_t at_ms) const {
  constexpr std::size_t kEnoughPoints = 3;
  const Point& newest = points_.back();
  if (at_ms < newest.at_ms - kSlotMs) return true;
  if (points_.size() < kEnoughPoints || !step_ms_) return false;
  const double work_ms = static_cast<double>(steps - newest.steps) * *step_ms_;
  return static_cast<double>(at_ms - newest.at_ms) - work_ms > static_cast<double>(stall_limit_ms(*step_ms_));
}

}  // namespace trainbus
