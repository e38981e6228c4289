#include "tile_slot.hpp"

#include <algorithm>

namespace trainbus {

void TileSet::begin(const BatchMetrics& batch, std::uint64_t step, std::int64_t timestamp_ms) {
  count_ = 0;
  batch_ = batch;
  batch_.predictions = {};
  batch_.ground_truth = {};
  batch_.scalars = {};
  step_ = step;
  timestamp_ms_ = timestamp_ms;
}

bool TileSet::add(const std::uint8_t* pixels, int width, int height, int channels, std::size_t row_bytes,
                  std::int32_t truth, const Prediction& prediction, std::string_view image_id) {
  if (room() == 0) return false;
  Tile& tile = tiles_[count_];
  if (!tile.picture.copy(pixels, width, height, channels, row_bytes, kMaxSourcePixels)) return false;
  ++count_;
  tile.truth = truth;
  tile.image_id = image_id;
  tile.prediction = prediction;
  return true;
}

bool TileSlot::wanted(Clock::time_point now) {
  produced_.fetch_add(1, std::memory_order_relaxed);
  const std::chrono::nanoseconds interval(interval_ns_.load(std::memory_order_relaxed));
  if (!watched() || now < next_) {
    skipped_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  // A late batch does not shift the ones after it, by up to one interval: 60 a second stay 60 in spite of jitter.
  next_ = std::max(next_, now - interval) + interval;
  return true;
}

void TileSlot::offer() {
  const std::lock_guard lock(mutex_);
  std::swap(filling_, ready_);
  if (has_ready_) dropped();
  has_ready_ = true;
}

const TileSet* TileSlot::take() {
  const std::lock_guard lock(mutex_);
  if (!has_ready_) return nullptr;
  std::swap(taken_, ready_);
  has_ready_ = false;
  return taken_;
}

void TileSlot::set_max_rate(double hz) {
  const double interval_ns = hz > 0 ? std::min(1e9 / hz, 3.6e12) : 0;
  interval_ns_.store(static_cast<std::int64_t>(interval_ns), std::memory_order_relaxed);
}

v1::TileLedger TileSlot::ledger() const {
  v1::TileLedger ledger;
  ledger.set_sent(sent_.load(std::memory_order_relaxed));
  ledger.set_dropped_at_source(dropped_.load(std::memory_order_relaxed));
  ledger.set_skipped_no_demand(skipped_.load(std::memory_order_relaxed));
  ledger.set_produced(produced_.load(std::memory_order_relaxed));
  return ledger;
}

}  // namespace trainbus
