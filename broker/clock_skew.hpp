#pragma once
// How far a trainer's clock is from ours. A message that was long on the way makes it look behind, never ahead: so of
// the last few the largest counts. Pure.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace trainbus {

class ClockSkew {
 public:
  // `said_ms`: what the trainer's clock said; 0: it does not say.
  void take(std::uint64_t said_ms, std::int64_t unix_ms) {
    constexpr std::uint64_t kMost = INT64_MAX;
    if (said_ms == 0) return;
    seen_[count_++ % seen_.size()] = static_cast<std::int64_t>(std::min(said_ms, kMost)) - unix_ms;
  }
  // The trainer's clock minus ours, in ms; empty: not known.
  std::optional<std::int64_t> value() const {
    if (count_ == 0) return std::nullopt;
    return *std::max_element(seen_.begin(),
                             seen_.begin() + static_cast<std::ptrdiff_t>(std::min(count_, seen_.size())));
  }

 private:
  std::array<std::int64_t, 4> seen_{};
  std::size_t count_ = 0;
};

}  // namespace trainbus
