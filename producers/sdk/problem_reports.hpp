#pragma once
// What the counters of a producer have to tell a person.

#include <chrono>
#include <cstdint>
#include <string>

#include "limit_alert.hpp"
#include "trainer_state.hpp"

namespace trainbus {

// Looks at what was refused, left out or cannot be kept, and reports what is new: to the user, and where something is
// missing to the bus. The records thread's.
class ProblemReports {
 public:
  using Clock = Problems::Clock;

  ProblemReports(TrainerState& state, LimitAlert& alert) : state_(state), alert_(alert) {}
  // Once a second at most; `last`: now, and without holding lines back.
  void turn(Clock::time_point now, bool last = false);

 private:
  TrainerState& state_;
  LimitAlert& alert_;
  Clock::time_point next_{};
  struct Told {
    std::uint64_t values = 0;
    std::uint64_t cut = 0;
    std::uint64_t media = 0;
    std::uint64_t refused = 0;
    std::uint64_t lost = 0;
  } told_;
  std::string spool_problem_;  // the last that was told
};

}  // namespace trainbus
