#pragma once
// How long a step takes, from what any record holds: its own time and the steps finished by then.

#include <cstdint>
#include <deque>
#include <optional>

namespace trainbus {

// For trainers that do not send perf records. Not thread-safe. Times are the trainer's own (Unix ms), so a history that
// is read at once gives the same as the live feed. Records that come in a burst count as one point, the last of a slot
// of kSlotMs; the mean is over the newest kPoints points. A gap that the steps in it do not explain (a pause, a
// checkpoint, a clock that was set back) begins a new window.
class Pace {
 public:
  static constexpr std::int64_t kSlotMs = 250;
  static constexpr std::size_t kPoints = 16;

  // `steps` were finished at `at_ms`. Left out: a time that was not said (0 or less), and steps known already.
  void take(std::uint64_t steps, std::int64_t at_ms);
  // What comes next begins a new window: the time until then is no work.
  void interrupted() { interrupted_ = true; }

  // The mean of the newest window in ms; of the one before while the newest has one point. Empty: not known.
  std::optional<double> step_ms() const { return step_ms_; }

 private:
  struct Point {
    std::int64_t slot_ms;  // begin of the slot
    std::int64_t at_ms;    // of its last record
    std::uint64_t steps;
  };
  bool is_gap(std::uint64_t steps, std::int64_t at_ms) const;

  std::deque<Point> points_;
  bool interrupted_ = false;
  std::optional<double> step_ms_;
};

}  // namespace trainbus
