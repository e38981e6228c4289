#include "spool_reader.hpp"

namespace trainbus {

SpoolReader::SpoolReader(const SpoolSegment& segment, Heads& heads)
    : segment_(segment), heads_(heads), damaged_(segment.start() == SpoolSegment::Start::kDamaged) {}

std::optional<SpoolSegment::Entry> SpoolReader::next() {
  for (;;) {
    if (const auto entry = segment_.read(offset_, segment_.end())) {
      if (!continues(*entry)) continue;
      heads_[entry->kind] = entry->sequence;
      return entry;
    }
    if (!find_next()) return std::nullopt;
  }
}

// The entry after bytes that are none. Behind an end there may be entries of an earlier round, all of them stored;
// their sequences are lower than what was read of their kind.
bool SpoolReader::find_next() {
  const std::size_t end = segment_.end();
  const bool at_end = segment_.ends_at(offset_);
  damaged_ = damaged_ || !at_end;
  const bool only_known_kinds = at_end && segment_.start() == SpoolSegment::Start::kWhole;
  for (std::size_t at = offset_ + 1; at < end;) {
    std::size_t behind = at;
    const auto entry = segment_.read(behind, end);
    if (entry && continues(*entry) && !(only_known_kinds && heads_[entry->kind] == 0)) {
      damaged_ = true;
      offset_ = at;
      return true;
    }
    at = entry ? behind : at + 1;
  }
  offset_ = end;
  return false;
}

}  // namespace trainbus
