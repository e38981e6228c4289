#pragma once
// How fast a training is, as its steps show.

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "trainbus/producer.hpp"

namespace trainbus {

// Where a training is, seen from outside its loop.
struct StepReading {
  std::uint64_t step = 0;                         // finished by this incarnation
  std::int32_t epoch = 0;                         // of that step, from 1; 0: not said
  std::int32_t batch = -1;                        // within the epoch, from 0
  std::chrono::steady_clock::duration trained{};  // until that step was finished, without the pauses
};

// Pure and single-threaded: time comes with the readings.
class StepRates {
 public:
  // A reading without a new step changes nothing.
  void add(const StepReading& reading);

  // Rates from two readings on: current_fps over the newest 5 s or the newest two readings, average_fps since the first
  // reading. Times from them; the time left at the average pace, validations included, where the plan says how much
  // there is to do.
  PerfMetrics perf(const TrainingPlan& plan) const;

 private:
  std::optional<StepReading> first_;
  std::deque<StepReading> recent_;  // the newest, and those of the 5 s before it
};

// Batches that are left to do; empty when the plan does not say how many there are.
std::optional<std::uint64_t> batches_left(const TrainingPlan& plan, const StepReading& at);

}  // namespace trainbus
