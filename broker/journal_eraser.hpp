#pragma once
// Deletes the records of streams from a journal that a broker writes: in steps, beside it, with a connection of its
// own.

#include <cstdint>
#include <span>
#include <string>

#include "broker/block_table.hpp"
#include "broker/journal_schema.hpp"

namespace trainbus {

class JournalEraser {
 public:
  explicit JournalEraser(const std::string& path);

  // Deletes records of these streams, to which nothing is added meanwhile: `limit` or a segment more. They become LOST.
  // True when there are more. The positions of what is deleted stay taken.
  bool erase(std::span<const std::uint64_t> streams, int limit);
  std::uint64_t erased() const { return erased_; }  // records

 private:
  void note_lost(std::span<const std::uint64_t> streams);
  void erase_in(const Segment& segment, std::span<const std::uint64_t> streams, bool has_row);
  std::uint64_t erase_in(const Block& block, std::span<const std::uint64_t> streams);

  SqliteDatabase database_;
  BlockTable blocks_;
  StreamRows streams_;
  Statement next_segment_, replace_segment_, replace_block_, lose_;
  DirectoryWriter directory_;
  Segment open_;  // what no segment has yet
  std::uint64_t erased_ = 0;
};

}  // namespace trainbus
