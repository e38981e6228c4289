#pragma once
// Finds what is missing while records are copied from one journal to another: what is neither copied nor known to be
// lost is lost now. Pure.

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "broker/store_batch.hpp"

namespace trainbus {

class MissingRecords {
 public:
  void know_lost(const StoreBatch::Lost& lost) { known_[lost.stream][lost.first_sequence] = lost.last_sequence; }

  // The stream's next record is this one: what is missing before it is added to `lost`. Records come in order.
  void take(std::uint64_t stream, std::uint64_t sequence, std::vector<StoreBatch::Lost>& lost) {
    auto& next = next_[stream];
    next = std::max<std::uint64_t>(next, 1);
    for (const auto& [first, last] : known_[stream]) {
      if (last < next) continue;
      if (first >= sequence) break;
      if (first > next) lose(stream, next, first - 1, lost);
      next = last + 1;
    }
    if (next < sequence) lose(stream, next, sequence - 1, lost);
    next = std::max(next, sequence + 1);
  }
  // The stream went up to here.
  void end(std::uint64_t stream, std::uint64_t head, std::vector<StoreBatch::Lost>& lost) {
    if (head > 0) take(stream, head + 1, lost);
  }
  std::uint64_t head(std::uint64_t stream) const {
    const auto found = next_.find(stream);
    return found == next_.end() || found->second == 0 ? 0 : found->second - 1;
  }
  std::uint64_t found() const { return found_; }  // records

 private:
  void lose(std::uint64_t stream, std::uint64_t first, std::uint64_t last, std::vector<StoreBatch::Lost>& lost) {
    lost.push_back({stream, first, last});
    found_ += last - first + 1;
  }

  std::map<std::uint64_t, std::map<std::uint64_t, std::uint64_t>> known_;  // stream -> first -> last
  std::map<std::uint64_t, std::uint64_t> next_;                            // stream -> the sequence that should follow
  std::uint64_t found_ = 0;
};

}  // namespace trainbus
