#pragma once
// All that the training thread and the two bus threads of one producer share.

#include <atomic>
#include <chrono>
#include <cstdint>

#include "commands.hpp"
#include "record_spool.hpp"
#include "tile_slot.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {

// How far the training is, for the heartbeat. Written by the training thread, read by the bus thread.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  // Returns the number of the step that has just been finished.
  std::uint64_t step_finished(Clock::time_point now) {
    last_step_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    promised_.store(0, std::memory_order_relaxed);
    return step_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  void promise_until(Clock::time_point time) {
    promised_.store(time.time_since_epoch().count(), std::memory_order_relaxed);
  }

  const std::atomic<std::uint64_t>& step() const { return step_; }
  // Since the last step, or since the start.
  std::chrono::milliseconds since_last_step(Clock::time_point now) const { return at_least_zero(now - at(last_step_)); }
  // What is left of the promised silence; 0 when there is none.
  std::chrono::milliseconds promise_left(Clock::time_point now) const { return at_least_zero(at(promised_) - now); }

 private:
  static Clock::time_point at(const std::atomic<Clock::rep>& ticks) {
    return Clock::time_point(Clock::duration(ticks.load(std::memory_order_relaxed)));
  }
  static std::chrono::milliseconds at_least_zero(Clock::duration time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::max(time, Clock::duration::zero()));
  }

  std::atomic<std::uint64_t> step_{0};
  std::atomic<Clock::rep> last_step_{Clock::now().time_since_epoch().count()};
  std::atomic<Clock::rep> promised_{0};
};

struct TrainerState {
  TrainerState(ProducerOptions given, Commands::PauseChanged pause_changed)
      : options(std::move(given)), commands(incarnation, std::move(pause_changed)) {}

  const ProducerOptions options;
  const SessionName session{options.run, options.trainer};
  const std::uint64_t incarnation = new_incarnation();

  RecordSpool spool{{session, incarnation},
                    options.broker.empty() ? "" : options.spool_dir,
                    {.disk_bytes = options.spool_bytes, .memory_bytes = options.outbox_bytes}};
  Progress progress;
  TileSlot tiles;
  Commands commands;

  // Written by the record lane.
  std::atomic<bool> connected{false};
  std::array<std::atomic<std::uint64_t>, v1::Kind_ARRAYSIZE> stored{};
  std::atomic<std::uint64_t> resent{0};
  std::atomic<std::uint64_t> recovered{0};  // records of earlier lives that were delivered
  std::atomic<bool> recovering{false};      // and some are still to be
};

}  // namespace trainbus
