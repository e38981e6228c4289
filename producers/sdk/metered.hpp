#pragma once
// What was measured of this process, on its way into the perf records.

#include <atomic>
#include <mutex>
#include <optional>

#include "trainbus/producer.hpp"

namespace trainbus {

// Any thread may call anything.
class Metered {
 public:
  // The training logs a perf record of its own: from now on the bus leaves them to it. Returns the newest measurement.
  std::optional<Resources> for_training() {
    training_logs_.store(true, std::memory_order_relaxed);
    asked_.store(true, std::memory_order_relaxed);
    return newest();
  }
  bool training_logs() const { return training_logs_.load(std::memory_order_relaxed); }
  // Whether the training asked since the last call.
  bool take_asked() { return asked_.exchange(false, std::memory_order_relaxed); }

  void set(const Resources& measured) {
    const std::lock_guard lock(mutex_);
    newest_ = measured;
  }
  std::optional<Resources> newest() const {
    const std::lock_guard lock(mutex_);
    return newest_;
  }

 private:
  std::atomic<bool> training_logs_{false};
  std::atomic<bool> asked_{false};
  mutable std::mutex mutex_;  // guards what follows
  std::optional<Resources> newest_;
};

}  // namespace trainbus
