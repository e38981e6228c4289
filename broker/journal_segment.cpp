#include "broker/journal_segment.hpp"

#include <array>
#include <charconv>

namespace trainbus {

void Segment::begin(std::uint64_t position) {
  streams_.clear();
  records_ = bytes_ = 0;
  first_position_ = position;
  last_position_ = position - 1;
}

SegmentStream* Segment::find(std::uint64_t stream) {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : &found->second;
}

SegmentStream& Segment::add_stream(std::uint64_t stream) { return streams_[stream]; }

void Segment::add(SegmentStream& part, std::uint64_t position, std::uint64_t sequence, std::uint64_t bytes) {
  if (part.records == 0) {
    part.first_sequence = sequence;
    part.first_position = position;
  }
  part.last_sequence = sequence;
  part.last_position = position;
  part.bytes += bytes;
  ++part.records;
  bytes_ += bytes;
  ++records_;
  last_position_ = position;
}

std::string Segment::text() const {
  std::string text = "[";
  for (const auto& [stream, part] : streams_) {
    if (part.records == 0) continue;
    text += text.size() == 1 ? "[" : ",[";
    for (const auto number : {stream, part.first_sequence, part.last_sequence, part.first_position, part.last_position,
                              part.records, part.bytes})
      text += std::to_string(number) + ',';
    text.back() = ']';
  }
  return text += ']';
}

bool Segment::read(std::uint64_t first_position, std::uint64_t last_position, std::string_view text) {
  begin(first_position);
  last_position_ = last_position;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto failed = [this] {
    streams_.clear();
    return false;
  };
  if (text.size() < 2 || *at++ != '[') return failed();
  while (at < end && *at != ']') {
    if (*at == ',') ++at;
    std::array<std::uint64_t, 7> fields{};
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (at == end || *at != (i == 0 ? '[' : ',')) return failed();
      const auto [next, error] = std::from_chars(at + 1, end, fields[i]);
      if (error != std::errc{}) return failed();
      at = next;
    }
    if (at == end || *at++ != ']') return failed();
    const auto [stream, first, last, from, to, records, bytes] = fields;
    streams_[stream] = {first, last, from, to, records, bytes};
    records_ += records;
    bytes_ += bytes;
  }
  return at != end || failed();
}

}  // namespace trainbus
