#pragma once
// What an ended incarnation left in a segment, read past what is damaged.

#include <array>
#include <cstdint>
#include <optional>

#include "spool_segment.hpp"

namespace trainbus {

// Hands out the entries that hold, in order. Bytes that are no entry are skipped up to the next one that is; what a
// segment still has of an earlier round, behind its end, is not handed out again. An end that damage put there is taken
// for the end where nothing of a kind that was read follows it. Not thread-safe.
class SpoolReader {
 public:
  // The highest sequence read of each kind, in all segments of the incarnation so far.
  using Heads = std::array<std::uint64_t, v1::Kind_ARRAYSIZE>;

  // Both outlive the reader.
  SpoolReader(const SpoolSegment& segment, Heads& heads);

  std::optional<SpoolSegment::Entry> next();
  // Some bytes so far were not what a trainer writes.
  bool damaged() const { return damaged_; }

 private:
  bool find_next();
  bool continues(const SpoolSegment::Entry& entry) const { return entry.sequence > heads_[entry.kind]; }

  const SpoolSegment& segment_;
  Heads& heads_;
  std::size_t offset_ = SpoolSegment::kFirst;
  bool damaged_ = false;
};

}  // namespace trainbus
