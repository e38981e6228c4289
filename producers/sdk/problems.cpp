#include "problems.hpp"

#include <cstdio>
#include <utility>

#include "trainbus/producer.hpp"

namespace trainbus {

void print_problem(const std::string& line) { std::fprintf(stderr, "trainbus: %s\n", line.c_str()); }

void Problems::report(Kind kind, std::string line, Clock::time_point now) {
  {
    const std::lock_guard lock(mutex_);
    lines_[kind].waiting = std::move(line);
  }
  turn(now);
}

void Problems::turn(Clock::time_point now, bool all) {
  std::array<std::string, kCount> due;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t kind = 0; kind < kCount; ++kind) {
      if (lines_[kind].waiting.empty() || (!all && now < lines_[kind].quiet_until)) continue;
      due[kind] = std::exchange(lines_[kind].waiting, {});
      lines_[kind].quiet_until = now + kQuiet;
    }
  }
  for (const std::string& line : due)
    if (!line.empty()) say(line);
}

void Problems::say(const std::string& line) const {
  if (!listener_) return;
  try {
    listener_(line);
  } catch (...) {
    // A listener that fails is not the training's problem.
  }
}

}  // namespace trainbus
