#pragma once
// The framing of an event file, which is TensorFlow's record file, all numbers little-endian:
//
//   uint64 length   uint32 masked_crc32c(length)   data[length]   uint32 masked_crc32c(data)

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensorboard_event.pb.h"

namespace trainbus::tensorboard {

// CRC-32C (Castagnoli).
std::uint32_t crc32c(std::string_view bytes);
// ((crc >> 15) | (crc << 17)) + 0xA282EAD8: so that the checksum of data with checksums in it stays one.
std::uint32_t masked(std::uint32_t crc);

// Appends one framed event.
void append_event(std::string& out, const Event& event);

// One event of a file, without its summary.
struct EventHead {
  std::int64_t step = 0;
  std::uint32_t record_kind = 0;
  std::uint64_t record_sequence = 0;
  bool session_start = false;
  std::int64_t step_offset = 0;
  bool provisional = false;
  std::optional<Section> section;
  std::vector<NewTag> new_tags;
};

// Reads framed events one after the other.
class FrameReader {
 public:
  enum class Result { kEvent, kEnd, kTorn, kDamaged };  // torn: the bytes end within a frame

  // `bytes` must outlive this.
  explicit FrameReader(std::string_view bytes) : bytes_(bytes) {}
  // The data of an event is checked by its checksum only where it is the last: what is before the end was written
  // whole.
  Result next(EventHead& head);
  // Where the next event begins; after kTorn and kDamaged, where the good ones end.
  std::size_t offset() const { return offset_; }

 private:
  std::string_view bytes_;
  std::size_t offset_ = 0;
};

}  // namespace trainbus::tensorboard
