#pragma once
// Who wants how many tiles: leases of viewers, and the maximum over them for each trainer. Pure.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "trainbus.pb.h"

namespace trainbus {

class DemandBoard {
 public:
  static constexpr std::int64_t kMaxLeaseMs = 60'000;
  static constexpr std::size_t kMaxLeases = 10'000;  // policy: drop_newest

  // False when the board is full.
  bool lease(const std::string& session_id, const std::string& viewer, const v1::Demand& demand, std::int64_t now_ms) {
    if (count_ >= kMaxLeases) forget_expired(now_ms);
    if (count_ >= kMaxLeases) return false;
    auto [place, inserted] = leases_[session_id].try_emplace(viewer);
    count_ += inserted;
    const auto lease_ms = std::min(std::max<std::int64_t>(demand.lease_ms(), 0), kMaxLeaseMs);
    // What is no number, or below 0, states no limit.
    const double rate_hz = std::isfinite(demand.max_rate_hz()) ? std::max(0.0, demand.max_rate_hz()) : 0;
    place->second = {rate_hz, std::max(0, demand.max_pixels()), now_ms + lease_ms};
    return true;
  }

  // The maximum over the live leases; 0 (no limit) is larger than any number. Empty when nobody holds one.
  std::optional<v1::Demand> demand(const std::string& session_id, std::int64_t now_ms) const {
    const auto viewers = leases_.find(session_id);
    if (viewers == leases_.end()) return std::nullopt;
    std::optional<v1::Demand> maximum;
    for (const auto& [viewer, lease] : viewers->second) {
      if (lease.until_ms <= now_ms) continue;
      if (!maximum) {
        maximum.emplace();
        maximum->set_max_rate_hz(lease.max_rate_hz);
        maximum->set_max_pixels(lease.max_pixels);
      }
      maximum->set_max_rate_hz(larger(maximum->max_rate_hz(), lease.max_rate_hz));
      maximum->set_max_pixels(larger(maximum->max_pixels(), lease.max_pixels));
      maximum->set_lease_ms(std::max<std::int64_t>(maximum->lease_ms(), lease.until_ms - now_ms));
    }
    return maximum;
  }

  std::size_t leases() const { return count_; }

  void forget_expired(std::int64_t now_ms) {
    for (auto session = leases_.begin(); session != leases_.end();) {
      count_ -= std::erase_if(session->second, [&](const auto& entry) { return entry.second.until_ms <= now_ms; });
      session = session->second.empty() ? leases_.erase(session) : std::next(session);
    }
  }

  template <class Visit>
  void each_session(const Visit& visit) const {
    for (const auto& [session_id, viewers] : leases_)
      visit(session_id);
  }

 private:
  struct Lease {
    double max_rate_hz = 0;
    std::int32_t max_pixels = 0;
    std::int64_t until_ms = 0;
  };
  template <class Number>
  static Number larger(Number a, Number b) {
    return a <= 0 || b <= 0 ? Number{0} : std::max(a, b);
  }

  std::map<std::string, std::map<std::string, Lease>> leases_;
  std::size_t count_ = 0;
};

}  // namespace trainbus
