#pragma once
// Who may ask, and how often: no foreign web page (DNS rebinding, cross-site requests), no flood of commands.
//
// Pure functions and values: no sockets, `now` is an argument. Single-threaded.

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "host_names.hpp"

namespace trainbus {

// True for an absent Origin (not a browser's cross-site request) and for the page's own.
bool origin_matches(std::string_view origin, std::string_view host);

// "application/json", with or without parameters.
bool is_json_content(std::string_view content_type);

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
