#pragma once
// Where the training thread leaves the tiles of a batch and the tile thread finds them: the newest only.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

#include "picture.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {

inline constexpr int kMaxSourcePixels = 2048;  // longer side of a tile as it is handed in

// The pixels of one batch. Its buffers are kept when it is filled again.
class TileSet final : public TileBatch {
 public:
  struct Tile {
    Picture picture;
    std::int32_t truth = -1;
    std::string image_id;
    Prediction prediction;
  };

  void begin(const BatchMetrics& batch, std::uint64_t step, std::int64_t timestamp_ms);
  int room() const override { return kMaxImages - count_; }
  bool add(const std::uint8_t* pixels, int width, int height, int channels, std::size_t row_bytes, std::int32_t truth,
           const Prediction& prediction, std::string_view image_id) override;

  int count() const { return count_; }
  const Tile& tile(int index) const { return tiles_[index]; }
  const BatchMetrics& batch() const { return batch_; }  // without predictions, ground truth and named values
  std::uint64_t step() const { return step_; }
  std::int64_t timestamp_ms() const { return timestamp_ms_; }

 private:
  std::array<Tile, kMaxImages> tiles_;
  int count_ = 0;
  BatchMetrics batch_;
  std::uint64_t step_ = 0;
  std::int64_t timestamp_ms_ = 0;
};

// One slot, latest wins: a batch that nobody took is replaced by a newer one and counted as dropped at the source.
// Three sets change hands, so neither thread waits for the other and nothing is allocated once their buffers have
// grown. Also what both threads know of the demand, and the ledger.
class TileSlot {
 public:
  using Clock = std::chrono::steady_clock;

  // --- training thread (calls are serialised by the producer)
  // Counts a batch as produced. False, and counted as skipped, when nobody watches or the rate is used up.
  bool wanted(Clock::time_point now);
  // The set to fill, then offer() or, when nothing came of it, discard(): counted as dropped.
  TileSet& filling() { return *filling_; }
  void offer();
  void discard() { dropped_.fetch_add(1, std::memory_order_relaxed); }

  // --- tile thread
  // The newest set that was offered, its own until the next call; nullptr when there is none. The caller says what
  // became of it: sent() or dropped().
  const TileSet* take();
  void sent() { sent_.fetch_add(1, std::memory_order_relaxed); }
  void dropped() { dropped_.fetch_add(1, std::memory_order_relaxed); }

  // --- any thread
  void set_watched(bool watched) { watched_.store(watched, std::memory_order_relaxed); }
  bool watched() const { return watched_.load(std::memory_order_relaxed); }
  void set_max_rate(double hz);
  void set_max_pixels(int pixels) { max_pixels_.store(pixels, std::memory_order_relaxed); }
  int max_pixels() const { return max_pixels_.load(std::memory_order_relaxed); }
  // produced = skipped_no_demand + dropped_at_source + sent, plus at most two that are on their way.
  v1::TileLedger ledger() const;

 private:
  std::atomic<bool> watched_{false};
  std::atomic<int> max_pixels_{256};
  std::atomic<std::int64_t> interval_ns_{0};
  Clock::time_point next_{};  // training thread's

  std::atomic<std::uint64_t> produced_{0};
  std::atomic<std::uint64_t> skipped_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> sent_{0};

  std::array<TileSet, 3> sets_;
  TileSet* filling_ = &sets_[0];
  TileSet* taken_ = &sets_[2];
  std::mutex mutex_;  // guards what follows
  TileSet* ready_ = &sets_[1];
  bool has_ready_ = false;
};

}  // namespace trainbus
