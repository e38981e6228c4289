#include "pace.hpp"

namespace trainbus {

void Pace::step_done(Clock::time_point now) {
  const double took = std::chrono::duration<double>(now - last_step_).count();
  recent_step_sec_ = steps_ == 0 ? took : 0.9 * recent_step_sec_ + 0.1 * took;
  last_step_ = now;
  ++steps_;
}

void Pace::paused_for(Clock::duration time) {
  run_began_ += time;
  epoch_began_ += time;
  last_step_ += time;
}

double Pace::average_fps(Clock::time_point now) const {
  const double ran = std::chrono::duration<double>(now - run_began_).count();
  return ran > 0 ? static_cast<double>(steps_) / ran : 0;
}

}  // namespace trainbus
