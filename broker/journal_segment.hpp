#pragma once
// A segment: blocks that follow one another, some megabytes of records, and which streams have how much in them. A
// row of the table `segments` each, written when the segment is full: it finds a stream's records without an index
// that every record would pay for, and tells what a damaged page took. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace trainbus {

struct SegmentStream {
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t first_position = 0;
  std::uint64_t last_position = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

class Segment {
 public:
  static constexpr std::uint64_t kMaxRecords = 16'384;
  static constexpr std::uint64_t kMaxBytes = 4 << 20;

  void begin(std::uint64_t position);
  // The stream's part, made with `highest_before` as its last sequence when it is new here.
  SegmentStream* find(std::uint64_t stream);
  SegmentStream& add_stream(std::uint64_t stream);
  void add(SegmentStream& part, std::uint64_t position, std::uint64_t sequence, std::uint64_t bytes);
  void erase(std::uint64_t stream) { streams_.erase(stream); }

  bool full() const { return records_ >= kMaxRecords || bytes_ >= kMaxBytes; }
  bool empty() const { return records_ == 0; }
  std::uint64_t first_position() const { return first_position_; }
  std::uint64_t last_position() const { return last_position_; }
  void extend(std::uint64_t last_position) { last_position_ = last_position; }
  const std::unordered_map<std::uint64_t, SegmentStream>& streams() const { return streams_; }

  std::string text() const;
  // False, and empty, when the text is not one that text() wrote.
  bool read(std::uint64_t first_position, std::uint64_t last_position, std::string_view text);

 private:
  std::uint64_t first_position_ = 1;
  std::uint64_t last_position_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
  std::unordered_map<std::uint64_t, SegmentStream> streams_;
};

}  // namespace trainbus
