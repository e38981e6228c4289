#pragma once
// What the bus knows of a training's pace and needs, so that nobody has to say it.

#include <chrono>
#include <memory>
#include <optional>

#include "resource_meter.hpp"
#include "step_rates.hpp"
#include "trainer_state.hpp"

namespace trainbus {

// Measures once a second while the training makes steps, and leaves a perf record every 5 s with new steps in the spool
// unless the training logs its own. Single-threaded and steppable.
class PerfLane {
 public:
  using Clock = std::chrono::steady_clock;

  explicit PerfLane(TrainerState& state) : state_(state), meter_(Clock::now()) {}

  // Never throws.
  void poll_once(Clock::time_point now);

 private:
  void log(Clock::time_point now);

  TrainerState& state_;
  ResourceMeter meter_;
  StepRates rates_;
  Clock::time_point next_look_{};
  std::uint64_t seen_ = 0;  // steps at the last measurement
  std::optional<Clock::time_point> next_record_;
  std::uint64_t logged_ = 0;  // steps at the last record
};

}  // namespace trainbus
