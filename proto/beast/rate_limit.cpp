#include "rate_limit.hpp"

#include <algorithm>
#include <cmath>

namespace trainbus {

double RateLimit::tokens_at(const Bucket& bucket, Clock::time_point now) const {
  const double waited_sec = std::chrono::duration<double>(now - bucket.filled).count();
  return std::min(burst_, bucket.tokens + per_second_ * std::max(0.0, waited_sec));
}

bool RateLimit::allow(const std::string& client, Clock::time_point now) {
  auto found = buckets_.find(client);
  if (found == buckets_.end()) {
    if (buckets_.size() >= kMaxClients) forget_one(now);
    found = buckets_.emplace(client, Bucket{burst_, now}).first;
  }
  Bucket& bucket = found->second;
  bucket = {tokens_at(bucket, now), now};
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

void RateLimit::forget_one(Clock::time_point now) {
  buckets_.erase(std::max_element(buckets_.begin(), buckets_.end(), [&](const auto& a, const auto& b) {
    return tokens_at(a.second, now) < tokens_at(b.second, now);
  }));
}

int RateLimit::retry_after_sec() const { return std::max(1, static_cast<int>(std::ceil(1 / per_second_))); }

}  // namespace trainbus
