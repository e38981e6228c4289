#pragma once
// One file of a spool: records, appended to a mapping, so that the page cache keeps them when the process is killed.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "trainbus/topic.hpp"

namespace trainbus {

// Layout: 8 bytes magic, then entries [u32 length][u32 checksum][u8 kind][u64 sequence][MetricsRequest], all
// little-endian; `length` counts the MetricsRequest, the checksum covers all that follows it. Length 0 is the end; the
// length is written last, so a kill in the middle of an entry leaves an end. An entry that does not hold is damage.
// Not thread-safe; owns the mapping, not the file, which stays until remove() or set_aside().
class SpoolSegment {
 public:
  static constexpr std::size_t kBytes = 4 << 20;
  static constexpr std::size_t kFirst = 8;  // offset of the first entry

  struct Entry {
    Kind kind = v1::KIND_UNKNOWN;
    std::uint64_t sequence = 0;
    std::string_view record;  // valid while the segment is mapped
  };

  // A new file with its disk space reserved: writing to it later cannot fail. Throws std::system_error.
  static std::unique_ptr<SpoolSegment> create(const std::filesystem::path& path, std::size_t bytes = kBytes);
  // The same without a file; pages are taken as they are written. Throws std::system_error.
  static std::unique_ptr<SpoolSegment> in_memory(std::size_t bytes = kBytes);
  // One that another process left, for reading by a SpoolReader. Throws std::system_error.
  static std::unique_ptr<SpoolSegment> open(const std::filesystem::path& path);
  ~SpoolSegment();
  SpoolSegment(const SpoolSegment&) = delete;
  SpoolSegment& operator=(const SpoolSegment&) = delete;

  bool on_disk() const { return !path_.empty(); }
  std::size_t bytes() const { return bytes_; }
  std::size_t end() const { return end_; }  // offset after the last entry; of an opened one: the file's size

  // Where the bytes of the next record go; null when it does not fit. commit() makes them an entry.
  std::uint8_t* room(std::size_t record_bytes);
  void commit(Kind kind, std::uint64_t sequence, std::size_t record_bytes);
  // Forgets all entries.
  void rewind();
  // The entry at `offset`, which then moves behind it; empty at `end`, or where no valid entry is.
  std::optional<Entry> read(std::size_t& offset, std::size_t end) const;
  // No entry follows, and none was begun.
  bool ends_at(std::size_t offset) const;
  // What the file begins with. kNothing: zeros, as a kill leaves a file that was being made.
  enum class Start { kWhole, kNothing, kDamaged };
  Start start() const;

  // Makes the kernel ready for writes up to `end`, so that the writer meets no page faults.
  void touch(std::size_t end);
  // Gives the memory back while the file keeps the entries; map() brings it in again, false when it cannot.
  void unmap();
  [[nodiscard]] bool map();
  bool mapped() const { return memory_ != nullptr; }

  // Cuts the file behind the last entry.
  void trim();
  // Deletes the file; the mapping stays.
  void remove();
  // Gives the file a name that nobody delivers, `….spool.damaged`, for somebody to look at.
  void set_aside();

 private:
  SpoolSegment(std::filesystem::path path, std::size_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  const std::filesystem::path path_;  // empty: in memory
  std::size_t bytes_;
  std::uint8_t* memory_ = nullptr;
  bool writable_ = false;
  std::size_t end_ = kFirst;
  std::size_t touched_ = 0;
};

}  // namespace trainbus
