#pragma once
// Whether a key is why the broker is not reached.

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "trainbus/port_probe.hpp"

namespace trainbus {

// Single-threaded, never blocks: the control port is asked in the background once it was not reached for kSilent, and
// then less and less often. Without a broker it costs a connection that is refused. A key that was taken before is
// doubted after kSilentAgain only: a broker that all its trainers come back to has no time for more questions.
class KeyDoubt {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kSilent{250};
  static constexpr std::chrono::milliseconds kSilentAgain{10'000};
  static constexpr std::chrono::milliseconds kMostSeldom{60'000};

  KeyDoubt(std::string control, std::optional<KeyFile> key) : control_(std::move(control)), key_(std::move(key)) {}

  // What a person should know, once it is known; mostly nothing.
  std::optional<std::string> turn(bool linked, Clock::time_point now) {
    if (linked) {
      probe_.reset();
      next_ = {};
      patience_ = kSilentAgain;
      return std::nullopt;
    }
    if (next_ == Clock::time_point{}) next_ = now + patience_;
    if (!probe_ && now >= next_) {
      patience_ = std::min(4 * patience_, kMostSeldom);
      next_ = now + patience_;
      probe_.emplace(control_, kKeyRefusedWithin, key_);
    }
    const auto problem = probe_ ? probe_->problem() : std::nullopt;
    if (problem) probe_.reset();
    if (!problem || !problem->about_key) return std::nullopt;
    return "the control port " + control_ + ": " + problem->text;
  }

 private:
  const std::string control_;
  const std::optional<KeyFile> key_;
  Clock::time_point next_{};
  std::chrono::milliseconds patience_ = kSilent;
  std::optional<PortProbe> probe_;
};

}  // namespace trainbus
