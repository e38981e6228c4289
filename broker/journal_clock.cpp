#include "broker/journal_clock.hpp"

#include <algorithm>
#include <utility>

namespace trainbus {

JournalClock::JournalClock(Clocks clocks)
    : clocks_(std::move(clocks)), start_ms_(clocks_.wall_ms()), steady_start_ms_(clocks_.steady_ms()) {}

void JournalClock::go_on(std::int64_t journal_ms, std::int64_t wall_ms, std::int64_t max_age_ms) {
  const auto most = max_age_ms == 0 ? kMostOverAStopMs : std::min(kMostOverAStopMs, max_age_ms / 10);
  const auto stopped_ms = std::max<std::int64_t>(0, clocks_.wall_ms() - wall_ms);
  counted_ms_ = std::min(stopped_ms, most);
  not_counted_ms_ = stopped_ms - counted_ms_;
  start_ms_ = journal_ms + counted_ms_;
  steady_start_ms_ = clocks_.steady_ms();
}

}  // namespace trainbus
