#pragma once
// A block: the records of one row of the table `blocks`, up to what fits one page of the file, so that a damaged page
// costs the records on it and no others. Its directory is JSON, which SQL reads too; an entry each record:
//
//   [stream, sequence, timestamp_ms, taken_in_ms - the block's, offset, length, checksum]      0: deleted
//
// The checksum is of the entry and the body, so each record is whole or not by itself. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/store_batch.hpp"

namespace trainbus {

struct BlockEntry {
  enum class State { kWhole, kDeleted, kDamaged };

  State state = State::kDamaged;
  StoreBatch::Row row;  // its offset is within the block's data
  std::uint32_t checksum = 0;
};

std::uint32_t record_checksum(const StoreBatch::Row& row, std::string_view body);

// Writes a directory, entry after entry.
class DirectoryWriter {
 public:
  void begin(std::int64_t taken_in_ms);
  void add(const StoreBatch::Row& row, std::uint64_t offset, std::uint32_t checksum);
  void add_deleted();
  // Takes the last entry back.
  void drop_last();
  // Ends it; valid until the next begin.
  std::string_view end();

  std::uint64_t records() const { return records_; }
  std::size_t bytes() const { return text_.size() + 1; }

 private:
  void separate();

  std::int64_t taken_in_ms_ = 0;
  std::string text_;
  std::size_t last_entry_ = 0;
  std::uint64_t records_ = 0;
};

struct Block {
  std::uint64_t position = 0;  // of its first record
  std::uint64_t records = 0;   // positions it covers
  std::int64_t journal_ms = 0;
  std::int64_t taken_in_ms = 0;
  std::vector<BlockEntry> entries;  // `records` of them, or none when all are deleted
  std::string_view data;

  std::uint64_t last_position() const { return position + records - 1; }
  // Empty where an entry points out of the data.
  std::string_view body(const BlockEntry& entry) const;
  // True when the entry and its body are what was written.
  bool intact(const BlockEntry& entry) const;
};

// Reads a directory into block.entries; what cannot be read is kDamaged.
void read_directory(std::string_view directory, Block& block);

}  // namespace trainbus
