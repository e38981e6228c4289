#pragma once
// All that the training thread and the two bus threads of one producer share.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "commands.hpp"
#include "environment.hpp"
#include "media_queue.hpp"
#include "metered.hpp"
#include "problems.hpp"
#include "record_spool.hpp"
#include "said_plan.hpp"
#include "step_rates.hpp"
#include "tile_slot.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {

// How far the training is, for the heartbeat. Written by the training thread, read by the bus thread.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  // Returns the number of the step that has just been finished.
  std::uint64_t step_finished(Clock::time_point now, std::int32_t epoch, std::int32_t batch) {
    const Clock::rep ticks = now.time_since_epoch().count();
    epoch_.store(epoch, std::memory_order_relaxed);
    batch_.store(batch, std::memory_order_relaxed);
    last_step_.store(ticks, std::memory_order_relaxed);
    trained_.store(ticks - paused_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    promised_.store(0, std::memory_order_relaxed);
    return step_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  // A value was said of this step. A training that says values alone goes on by them; a step that was said or finished
  // before is no news.
  void value_said(std::uint64_t step, Clock::time_point now) {
    const auto highest = std::max(highest_said_.load(std::memory_order_relaxed), step_.load(std::memory_order_relaxed));
    if (step <= highest) return;
    highest_said_.store(step, std::memory_order_relaxed);
    last_step_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    promised_.store(0, std::memory_order_relaxed);
  }
  // A pause is no training time.
  void pause_changed(bool paused, Clock::time_point now) {
    if (std::exchange(pausing_, paused) == paused) return;
    const Clock::rep ticks = now.time_since_epoch().count();
    if (paused)
      pause_began_ = ticks;
    else
      paused_.fetch_add(ticks - pause_began_, std::memory_order_relaxed);
  }
  void promise_until(Clock::time_point time) {
    promised_.store(time.time_since_epoch().count(), std::memory_order_relaxed);
  }

  const std::atomic<std::uint64_t>& step() const { return step_; }
  std::int32_t epoch() const { return epoch_.load(std::memory_order_relaxed); }
  StepReading reading() const {
    return {step_.load(std::memory_order_relaxed), epoch(), batch_.load(std::memory_order_relaxed),
            Clock::duration(trained_.load(std::memory_order_relaxed))};
  }
  // Since the last step that was finished or said, or since the start.
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
  std::atomic<std::uint64_t> highest_said_{0};  // of values
  std::atomic<std::int32_t> epoch_{0};
  std::atomic<std::int32_t> batch_{-1};
  std::atomic<Clock::rep> trained_{0};  // last_step_ without the pauses
  std::atomic<Clock::rep> paused_{0};   // all pauses that have ended
  Clock::rep pause_began_ = 0;          // the training thread's
  bool pausing_ = false;                // the same
  std::atomic<Clock::rep> last_step_{Clock::now().time_since_epoch().count()};
  std::atomic<Clock::rep> promised_{0};
};

struct TrainerState {
  TrainerState(ProducerOptions given, Commands::Listener listener)
      : options(std::move(given)),
        commands(incarnation, progress.step(), session.id(), std::move(listener)),
        problems(options.on_problem) {}

  const ProducerOptions options;
  const SessionName session{options.run, options.trainer};
  const std::uint64_t incarnation = new_incarnation();

  // Shared with the thread of its files, which may hang in a file system and then outlives the producer.
  const std::shared_ptr<RecordSpool> spool = std::make_shared<RecordSpool>(
      SpoolOwner{session, incarnation}, options.broker.empty() ? "" : options.spool_dir, options.broker,
      RecordSpool::Limits{.disk_bytes = options.spool_bytes,
                          .memory_bytes = options.outbox_bytes,
                          .segment_bytes = options.broker.empty() ? 0 : SpoolSegment::kBytes,
                          .own_thread = options.own_threads && !options.broker.empty(),
                          .counts_refused = options.counts_refused});
  Progress progress;
  TileSlot tiles;
  MediaQueue media;
  Commands commands;
  Problems problems;
  PlanSlot plan;
  LateEnvironment environment;
  Metered metered;

  // Written by the record lane.
  std::atomic<bool> connected{false};
  std::atomic<bool> ever_linked{false};   // the control port was reached once
  std::atomic<bool> tiles_wanted{false};  // the broker has a viewer, or is one that does not say
  std::array<std::atomic<std::uint64_t>, v1::Kind_ARRAYSIZE> lost{};  // their spool files were taken or damaged
  std::array<std::atomic<std::uint64_t>, v1::Kind_ARRAYSIZE> stored{};
  std::atomic<std::uint64_t> resent{0};
  std::atomic<std::uint64_t> recovered{0};  // records of earlier owners that were delivered
  std::atomic<bool> recovering{false};      // and some are still to be
  mutable std::mutex broker_problem_mutex;
  std::string broker_problem;  // why the broker refuses this trainer
};

}  // namespace trainbus
