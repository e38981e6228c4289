#pragma once
// How often somebody may ask. Pure: `now` is an argument. Single-threaded.

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

namespace trainbus {

// A token bucket per client address. At most kMaxClients are remembered; past that the fullest bucket is forgotten,
// which favours nobody.
class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMaxClients = 1024;

  RateLimit(double per_second, double burst) : per_second_(per_second), burst_(burst) {}
  bool allow(const std::string& client, Clock::time_point now);
  // Whole seconds until a refused client may ask again.
  int retry_after_sec() const;

 private:
  struct Bucket {
    double tokens;
    Clock::time_point filled;
  };
  double tokens_at(const Bucket& bucket, Clock::time_point now) const;
  void forget_one(Clock::time_point now);

  double per_second_;
  double burst_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace trainbus
