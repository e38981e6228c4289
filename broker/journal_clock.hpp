#pragma once
// The time that retention counts in, and that no clock can make jump: it passes with the steady clock while the broker
// runs. Over a stop it passes by the wall clock, never backwards, and a day at most (or a tenth of what is retained).
// It begins as Unix time. One thread's.

#include <cstdint>
#include <functional>

#include "trainbus/wire.hpp"

namespace trainbus {

struct Clocks {
  std::function<std::int64_t()> wall_ms = unix_ms;
  std::function<std::int64_t()> steady_ms = trainbus::steady_ms;
};

class JournalClock {
 public:
  static constexpr std::int64_t kMostOverAStopMs = 24 * 3'600'000;
  static constexpr std::int64_t kWorthSayingMs = 3'600'000;

  explicit JournalClock(Clocks clocks);
  // The journal was last written at `journal_ms` of this time and `wall_ms` of the wall clock.
  void go_on(std::int64_t journal_ms, std::int64_t wall_ms, std::int64_t max_age_ms);

  std::int64_t now() const { return start_ms_ + clocks_.steady_ms() - steady_start_ms_; }
  std::int64_t wall_ms() const { return clocks_.wall_ms(); }
  // Of the stop before: what was counted, and what the wall clock says beyond it.
  std::int64_t counted_ms() const { return counted_ms_; }
  std::int64_t not_counted_ms() const { return not_counted_ms_; }

 private:
  Clocks clocks_;
  std::int64_t start_ms_ = 0;
  std::int64_t steady_start_ms_ = 0;
  std::int64_t counted_ms_ = 0;
  std::int64_t not_counted_ms_ = 0;
};

}  // namespace trainbus
