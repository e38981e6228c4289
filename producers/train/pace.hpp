#pragma once
// How fast the training goes. Time is an argument; pauses are taken out of everything.

#include <chrono>
#include <cstdint>

namespace trainbus {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Pace(Clock::time_point now) : run_began_(now), epoch_began_(now), last_step_(now) {}

  void begin_epoch(Clock::time_point now) { epoch_began_ = last_step_ = now; }
  void step_done(Clock::time_point now);
  // This much of the time since the last step was not training: a pause.
  void paused_for(Clock::duration time);

  double recent_step_sec() const { return recent_step_sec_; }  // smoothed over about ten steps; 0: none yet
  double current_fps() const { return recent_step_sec_ > 0 ? 1 / recent_step_sec_ : 0; }
  double average_fps(Clock::time_point now) const;  // whole run, with what lies between the steps
  double epoch_sec(Clock::time_point now) const { return std::chrono::duration<double>(now - epoch_began_).count(); }

 private:
  Clock::time_point run_began_;
  Clock::time_point epoch_began_;
  Clock::time_point last_step_;
  double recent_step_sec_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace trainbus
