#pragma once
// What the training thread hands to the bus thread: plain values, no serialization, no wake-up.

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "trainbus/producer.hpp"

namespace trainbus {

struct QueuedBatch {
  BatchMetrics metrics;  // its spans are empty: what they pointed at is below
  std::vector<Prediction> predictions;
  std::vector<std::int32_t> ground_truth;
};
struct QueuedStatus {
  v1::TrainingStatus status = v1::UNKNOWN;
  std::string message;
  std::shared_ptr<const TrainingPlan> plan;  // may be null
};
struct QueuedRecord {
  std::int64_t timestamp_ms = 0;
  std::uint64_t step = 0;
  std::variant<QueuedBatch, EpochMetrics, PerfMetrics, QueuedStatus> payload;
};

inline Kind kind_of(const QueuedRecord& record) {
  constexpr Kind kKinds[] = {v1::KIND_BATCH, v1::KIND_EPOCH, v1::KIND_PERF, v1::KIND_STATUS};
  return kKinds[record.payload.index()];
}

// A double buffer under a mutex that is hardly ever contended: the bus thread swaps the whole vector out. Bounded;
// past the bound, and once closed, push() refuses and counts.
class RecordQueue {
 public:
  static constexpr std::size_t kDefaultLimit = 1 << 18;

  explicit RecordQueue(std::size_t limit = kDefaultLimit) : limit_(limit) { waiting_.reserve(1024); }

  bool push(QueuedRecord record) {
    const std::lock_guard lock(mutex_);
    if (closed_ || waiting_.size() >= limit_) {
      ++refused_;
      return false;
    }
    ++accepted_[kind_of(record)];
    waiting_.push_back(std::move(record));
    return true;
  }

  // Exchanges `taken` (whose content is dropped) for all that waits, in order.
  void take(std::vector<QueuedRecord>& taken) {
    taken.clear();
    const std::lock_guard lock(mutex_);
    waiting_.swap(taken);
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

  // Per kind.
  std::array<std::uint64_t, v1::Kind_ARRAYSIZE> accepted() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
  }
  std::uint64_t refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }

 private:
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::vector<QueuedRecord> waiting_;
  std::array<std::uint64_t, v1::Kind_ARRAYSIZE> accepted_{};
  std::uint64_t refused_ = 0;
  bool closed_ = false;
};

}  // namespace trainbus
