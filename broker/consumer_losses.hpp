#pragma once
// Tiles that the broker sent and a consumer did not get: what consumers report, less what was lost before the broker.
// Pure. Times are steady milliseconds.

#include <algorithm>
#include <compare>
#include <cstdint>
#include <map>
#include <string>

namespace trainbus {

class ConsumerLosses {
 public:
  static constexpr std::size_t kMaxReports = 10'000;  // consumers times trainers they watch; policy: refuse new ones
  static constexpr std::int64_t kForgetAfterMs = 60'000;
  static constexpr std::size_t kMaxSums = 100'000;  // policy: refuse new ones

  struct Reporter {
    std::string peer;
    std::string session_id;
    std::uint64_t incarnation = 0;
    auto operator<=>(const Reporter&) const = default;
  };
  // `count`: all gaps that this consumer saw since it connected. `before`: those that the broker saw since it started.
  void report(const Reporter& reporter, std::uint64_t count, std::uint64_t before, std::int64_t now_ms) {
    auto known = reports_.find(reporter);
    if (known == reports_.end()) {
      if (!has_room(now_ms)) {
        ++refused_;
        return;
      }
      known = reports_.emplace(reporter, Report{before, 0, now_ms}).first;
    }
    Report& report = known->second;
    report.heard_ms = now_ms;
    const auto before_since = before - std::min(before, report.before_at_first);
    const auto lost = count - std::min(count, before_since);
    if (lost <= report.lost) return;  // what the broker has missed already and the consumer not yet
    sums_[{reporter.session_id, reporter.incarnation}] += lost - report.lost;
    report.lost = lost;
  }

  // On the way to all consumers together.
  std::uint64_t lost(const std::string& session_id, std::uint64_t incarnation) const {
    const auto found = sums_.find({session_id, incarnation});
    return found == sums_.end() ? 0 : found->second;
  }
  std::size_t reports() const { return reports_.size(); }
  std::uint64_t refused() const { return refused_; }

 private:
  struct Report {
    std::uint64_t before_at_first = 0;
    std::uint64_t lost = 0;
    std::int64_t heard_ms = 0;
  };
  bool has_room(std::int64_t now_ms) {
    if (reports_.size() >= kMaxReports && now_ms >= next_forget_ms_) {
      next_forget_ms_ = now_ms + 1'000;
      std::erase_if(reports_, [&](const auto& entry) { return now_ms - entry.second.heard_ms >= kForgetAfterMs; });
    }
    return reports_.size() < kMaxReports && sums_.size() < kMaxSums;
  }

  std::map<Reporter, Report> reports_;
  std::map<std::pair<std::string, std::uint64_t>, std::uint64_t> sums_;
  std::int64_t next_forget_ms_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace trainbus
