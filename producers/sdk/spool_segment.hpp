#pragma once
// One segment of a spool: records, one behind the other, in memory.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "surviving_memory.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {

// Layout, in memory and in its file: 8 bytes magic, then entries
// [u32 length][u32 checksum][u8 kind][u64 sequence][MetricsRequest], all little-endian; `length` counts the
// MetricsRequest, the checksum covers all that follows it. Length 0 is the end; the length is written last, so a kill
// in the middle of an entry leaves an end. An entry that does not hold is damage.
// Not thread-safe; knows nothing of files but how to read one.
class SpoolSegment {
 public:
  static constexpr std::size_t kBytes = 4 << 20;
  static constexpr std::size_t kMostBytes = 64 << 20;  // of a file; what is behind is not read
  static constexpr std::size_t kFirst = 8;             // offset of the first entry
  static constexpr std::size_t kTerminator = 4;        // a length of 0, behind the last entry

  struct Entry {
    Kind kind = v1::KIND_UNKNOWN;
    std::uint64_t sequence = 0;
    std::string_view record;  // valid while the segment has its memory
  };

  // An empty one, to be written.
  explicit SpoolSegment(SurvivingMemory memory);
  // What another process left in a file or in memory, for a SpoolReader. Throws std::system_error.
  static std::unique_ptr<SpoolSegment> open(const std::filesystem::path& path);
  static std::unique_ptr<SpoolSegment> left(SurvivingMemory memory);

  std::size_t bytes() const { return bytes_; }
  std::size_t end() const { return end_; }  // offset after the last entry; of one that was left: its size
  const std::uint8_t* data() const { return memory_.data(); }
  bool survives() const { return memory_.survives(); }

  // Where the bytes of the next record go; null when it does not fit. commit() makes them an entry.
  std::uint8_t* room(std::size_t record_bytes);
  void commit(Kind kind, std::uint64_t sequence, std::size_t record_bytes);
  // Forgets all entries.
  void rewind();
  // The entry at `offset`, which then moves behind it; empty at `end`, or where no valid entry is.
  std::optional<Entry> read(std::size_t& offset, std::size_t end) const;
  // No entry follows, and none was begun.
  bool ends_at(std::size_t offset) const;
  // What it begins with. kNothing: zeros, as a kill leaves a file that was being made.
  enum class Start { kWhole, kNothing, kDamaged };
  Start start() const;

  // What the kernel is to be made ready for, so that the writer up to `end` meets no page faults; each byte once.
  std::span<std::uint8_t> untouched(std::size_t end);
  // Takes its time, and may come when the memory is gone.
  static void touch(std::span<std::uint8_t> untouched);
  // Gives the memory away while a file has the entries; bring_back() brings such a memory in again.
  SurvivingMemory give_away() { return std::exchange(memory_, SurvivingMemory()); }
  void bring_back(SurvivingMemory memory) { memory_ = std::move(memory); }
  bool has_memory() const { return static_cast<bool>(memory_); }

 private:
  SpoolSegment(SurvivingMemory memory, std::size_t bytes, std::size_t end)
      : memory_(std::move(memory)), bytes_(bytes), end_(end) {}

  SurvivingMemory memory_;
  std::size_t bytes_;
  std::size_t end_ = kFirst;
  std::size_t touched_ = 0;
};

// The bytes of a file; shorter than `bytes` where the file is. Throws std::system_error.
SurvivingMemory read_file(const std::filesystem::path& path, std::size_t bytes, std::size_t& read);

}  // namespace trainbus
