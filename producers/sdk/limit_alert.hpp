#pragma once
// An alert on the bus while this producer leaves out what it was given: its user's screen is not everybody's.

#include <chrono>
#include <cstdint>
#include <string>

#include "trainbus.pb.h"

namespace trainbus {

// One alert of rule `limit` at a time: from the first thing that was left out until there was none for kBites.
// Single-threaded; time is an argument.
class LimitAlert {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kBites{60};
  static constexpr std::chrono::seconds kAgain{1};  // the broker did not answer

  explicit LimitAlert(std::uint64_t incarnation) { alert_.set_trainer_incarnation(incarnation); }

  // Something was left out; `what` is for people.
  void met(const std::string& what, Clock::time_point now);
  // What the broker does not know and was not told a moment ago; nullptr: nothing.
  const v1::Alert* due(Clock::time_point now);
  // It is over with the training. The same as due().
  const v1::Alert* end(Clock::time_point now);
  // The broker has what was due last, or wants none from this trainer.
  void answered() { due_ = false; }

 private:
  void change(bool active, std::string message);

  v1::Alert alert_;  // as it is to be told
  bool due_ = false;
  Clock::time_point met_at_{};
  Clock::time_point next_{};
};

}  // namespace trainbus
