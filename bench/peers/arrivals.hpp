#pragma once
// What arrived of one run, against when it was due. One thread counts, another reads at any time.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "trainbus/wire.hpp"

namespace trainbus::bench {

// Nanoseconds of the steady clock, which all processes of a machine share.
inline std::int64_t steady_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

// When message number `k` of a run is due.
struct Schedule {
  std::int64_t start_ns = 0;
  double rate = 1;  // messages a second of all publishers together
  double seconds = 0;

  std::int64_t due_ns(std::uint64_t k) const {
    return start_ns + static_cast<std::int64_t>(static_cast<double>(k) * 1e9 / rate);
  }
  std::int64_t end_ns() const { return start_ns + static_cast<std::int64_t>(seconds * 1e9); }
};

class Arrivals {
 public:
  // Messages come from so many publishers in turn; their numbers stand behind `body_bytes` (see bench_record.hpp), the
  // publisher's in the last three digits of a session id that starts at byte 2.
  Arrivals(std::uint64_t publishers, std::size_t body_bytes, std::size_t session_bytes)
      : publishers_(publishers), body_bytes_(body_bytes), session_end_(2 + session_bytes) {}

  // From now on only messages of this run count.
  void expect(std::uint64_t run, const Schedule& schedule) {
    const std::lock_guard lock(mutex_);
    run_ = run;
    schedule_ = schedule;
    received_ = in_time_ = 0;
    last_ns_ = last_due_ns_ = 0;
    delays_us_.clear();
  }

  void take(std::string_view body) {
    const std::int64_t now = steady_ns();
    std::size_t at = body_bytes_;
    const auto run = number(body, at);
    const auto sequence = number(body, at);
    const std::lock_guard lock(mutex_);
    if (run != run_ || sequence == 0) return;
    const std::int64_t due = schedule_.due_ns((sequence - 1) * publishers_ + publisher(body));
    ++received_;
    if (now <= schedule_.end_ns()) ++in_time_;
    last_ns_ = now;
    last_due_ns_ = std::max(last_due_ns_, due);
    if (delays_us_.size() < kMostDelays) delays_us_.push_back(static_cast<float>(now - due) / 1e3F);
  }

  std::uint64_t received() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }

  nlohmann::json report() {
    const std::lock_guard lock(mutex_);
    nlohmann::json report = {
        {"received", received_}, {"in_time", in_time_}, {"lag_ms", static_cast<double>(last_ns_ - last_due_ns_) / 1e6}};
    if (delays_us_.empty()) return report;
    std::sort(delays_us_.begin(), delays_us_.end());
    for (const auto& [name, share] : {std::pair{"p50_us", 0.5}, {"p99_us", 0.99}, {"p999_us", 0.999}})
      report[name] = delays_us_[static_cast<std::size_t>(share * static_cast<double>(delays_us_.size() - 1))];
    return report;
  }

 private:
  static constexpr std::size_t kMostDelays = 1 << 22;

  // Past a tag of two bytes, as append_numbers() writes it; 0 at the end of the body.
  static std::uint64_t number(std::string_view body, std::size_t& at) {
    std::uint64_t value = 0;
    at += 2;
    for (int shift = 0; at < body.size(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(body[at++]);
      value |= static_cast<std::uint64_t>(byte & 127) << shift;
      if (byte < 128) break;
    }
    return value;
  }
  std::uint64_t publisher(std::string_view body) const {
    std::uint64_t value = 0;
    for (std::size_t i = session_end_ - 3; i < session_end_; ++i)
      value = value * 10 + static_cast<std::uint64_t>(body[i] - '0');
    return value;
  }

  const std::uint64_t publishers_;
  const std::size_t body_bytes_, session_end_;
  mutable std::mutex mutex_;  // guards what follows
  std::uint64_t run_ = 0;
  Schedule schedule_;
  std::uint64_t received_ = 0;
  std::uint64_t in_time_ = 0;  // before the schedule's end
  std::int64_t last_ns_ = 0, last_due_ns_ = 0;
  std::vector<float> delays_us_;
};

}  // namespace trainbus::bench
