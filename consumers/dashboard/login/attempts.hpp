#pragma once
// How often somebody may try a password. Pure: `now` is an argument. Single-threaded.

#include <optional>
#include <string>

#include "rate_limit.hpp"

namespace trainbus {

// Who tries: a browser that this user logged in with before has a count of its own, so that nobody else's attempts,
// from the same address or under the same name, keep the user out. All others share one by address and one by name.
class LoginAttempts {
 public:
  using Clock = RateLimit::Clock;
  static constexpr double kPerSecond = 0.2;
  static constexpr double kBurst = 10;

  struct Attempt {
    std::string name, client, device;  // device "": not known
  };
  // Seconds until the next may be made; empty: it counts, and may be made.
  std::optional<int> refuse(const Attempt& attempt, Clock::time_point now) {
    const bool allowed = attempt.device.empty()
                             ? by_client_.allow(attempt.client, now) && by_name_.allow(attempt.name, now)
                             : by_device_.allow(attempt.device, now);
    return allowed ? std::nullopt : std::optional(by_client_.retry_after_sec());
  }

 private:
  RateLimit by_client_{kPerSecond, kBurst}, by_name_{kPerSecond, kBurst}, by_device_{kPerSecond, kBurst};
};

}  // namespace trainbus
