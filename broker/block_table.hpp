#pragma once
// The table `blocks` as it can be read: pages that cannot are stepped over. One thread's, with its connection.

#include <optional>

#include "broker/journal_block.hpp"
#include "broker/journal_segment.hpp"
#include "broker/sqlite.hpp"

namespace trainbus {

class BlockTable {
 public:
  BlockTable() = default;
  explicit BlockTable(sqlite3* database);

  // The first block at this position or behind it that can be reached; empty behind the last.
  std::optional<std::uint64_t> at_or_behind(std::uint64_t position);
  // The same, or the block that this position is within.
  std::optional<std::uint64_t> holding_or_behind(std::uint64_t position);
  // Reads a block; its data is valid until the next call. False when there is none, or it cannot be read.
  bool load(std::uint64_t position, Block& block);
  // The last position; 0 when there is none, or it cannot be read.
  std::uint64_t end();
  // Lets go of the last block's data.
  void release();

 private:
  std::optional<std::uint64_t> nearest(std::uint64_t position, std::uint64_t found);

  Statement behind_, before_, load_, end_;
  std::uint64_t next_ = 0;  // behind what was loaded last
};

// Adds what is in the blocks from the segment's end on, through this position.
void extend_segment(BlockTable& blocks, Segment& segment, std::uint64_t through = UINT64_MAX);

// The first number that `query` (SELECT number ... WHERE number>=? ORDER BY number LIMIT 1) gives from this one on.
// Numbers on pages that cannot be read are stepped over.
std::optional<std::uint64_t> first_readable(Statement& query, std::uint64_t number);

// True for errors that a damaged file gives, and another page may not.
bool is_damage(const SqliteError& error);

// What a damaged page holds is left out.
template <class Read>
void where_readable(const Read& read) {
  try {
    read();
  } catch (const SqliteError& error) {
    if (!is_damage(error)) throw;
  }
}

}  // namespace trainbus
