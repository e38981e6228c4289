#include "step_line.hpp"

#include <algorithm>

namespace trainbus::tensorboard {

void StepLine::begin_with(std::uint64_t incarnation, const v1::BatchData& batch, std::int64_t step) {
  const auto per_epoch = life(incarnation).batches_per_epoch;
  if (batch.epoch() <= 1 || per_epoch > 0)
    begin(incarnation, step, (std::max(batch.epoch(), 1) - 1) * per_epoch + batch.batch_idx() + 1);
  else
    begin(incarnation, step, std::nullopt);
}

void StepLine::begin_with(std::uint64_t incarnation, const v1::EpochData& epoch, std::int64_t step) {
  const auto per_epoch = life(incarnation).batches_per_epoch;
  begin(incarnation, step, per_epoch > 0 ? std::optional(epoch.epoch() * per_epoch) : std::nullopt);
}

void StepLine::begin_at(std::uint64_t incarnation, std::int64_t step) { begin(incarnation, step, std::nullopt); }

void StepLine::begin(std::uint64_t incarnation, std::int64_t step, std::optional<std::int64_t> position) {
  if (!position) {
    const auto later = lives_.lower_bound(incarnation);
    position = later == lives_.begin() ? step : std::prev(later)->second.last + 1;
  }
  const auto offset = std::max<std::int64_t>(0, *position - step);
  begin_as(incarnation, offset, offset + step);
}

void StepLine::begin_as(std::uint64_t incarnation, std::int64_t offset, std::int64_t first) {
  auto& begun = life(incarnation);
  begun.offset = offset;
  begun.first = begun.last = first;
}

void StepLine::reach(std::uint64_t incarnation, std::int64_t step) {
  auto& last = life(incarnation).last;
  last = std::max(last, step);
}

bool StepLine::superseded(std::uint64_t incarnation, std::int64_t step) const {
  for (auto later = lives_.upper_bound(incarnation); later != lives_.end(); ++later)
    if (later->second.offset && later->second.first <= step) return true;
  return false;
}

}  // namespace trainbus::tensorboard
