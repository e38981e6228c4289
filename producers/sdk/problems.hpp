#pragma once
// What a person should know, one line at a time.

#include <array>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>

namespace trainbus {

// Any thread may report. A line goes out when its kind was silent for a minute; what comes in between is replaced by
// the newest, which goes out when the minute is over. The listener is called without a lock, one call at a time per
// caller.
class Problems {
 public:
  using Clock = std::chrono::steady_clock;
  enum Kind {
    kBroker,
    kNames,
    kConnection,
    kSpool,
    kLeftBehind,
    kRefused,
    kLost,
    kValues,
    kRecords,
    kMedia,
    kPlan,
    kKnobs,
    kEnd,
    kGone,
    kCount
  };
  static constexpr std::chrono::seconds kQuiet{60};

  explicit Problems(std::function<void(const std::string&)> listener) : listener_(std::move(listener)) {}

  void report(Kind kind, std::string line, Clock::time_point now);
  // Lets out what a minute held back; `all`: whatever its age, at the end.
  void turn(Clock::time_point now, bool all = false);

 private:
  struct Line {
    std::string waiting;
    Clock::time_point quiet_until{};
  };

  void say(const std::string& line) const;

  const std::function<void(const std::string&)> listener_;
  std::mutex mutex_;
  std::array<Line, kCount> lines_;
};

}  // namespace trainbus
