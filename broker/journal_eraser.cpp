#include "broker/journal_eraser.hpp"

#include <algorithm>
#include <vector>

namespace trainbus {

JournalEraser::JournalEraser(const std::string& path)
    : database_(open_sqlite(path, SQLITE_OPEN_READWRITE)), blocks_(database_.get()), streams_(database_.get()) {
  sqlite3* database = database_.get();
  execute(database, "PRAGMA synchronous=NORMAL");
  execute(database, "PRAGMA wal_autocheckpoint=0");  // the broker's writer does it
  next_segment_ = Statement(
      database, "SELECT position,last_position,streams FROM segments WHERE position>? ORDER BY position LIMIT 1");
  replace_segment_ = Statement(database, "UPDATE segments SET streams=CAST(? AS TEXT),checksum=? WHERE position=?");
  replace_block_ = Statement(database, "UPDATE blocks SET directory=CAST(? AS TEXT),data=? WHERE position=?");
  lose_ = Statement(database,
                    "INSERT INTO lost VALUES(?,1,?) ON CONFLICT(stream,first_sequence) "
                    "DO UPDATE SET last_sequence=max(last_sequence,excluded.last_sequence)");
}

bool JournalEraser::erase(std::span<const std::uint64_t> streams, int limit) {
  std::vector<std::uint64_t> sorted(streams.begin(), streams.end());
  std::ranges::sort(sorted);
  const auto enough = erased_ + static_cast<std::uint64_t>(limit);
  std::uint64_t end = 0;
  for (;;) {
    Segment segment;
    next_segment_.bind(end);
    const bool found = next_segment_.step();
    if (found) segment.read(next_segment_.number(0), next_segment_.number(1), next_segment_.bytes(2));
    next_segment_.reset();
    if (!found) break;
    end = segment.last_position();
    erase_in(segment, sorted, true);
    if (erased_ >= enough) return true;
  }
  open_.begin(end + 1);
  extend_segment(blocks_, open_);
  note_lost(sorted);
  erase_in(open_, sorted, false);
  return false;
}

void JournalEraser::note_lost(std::span<const std::uint64_t> streams) {
  execute(database_.get(), "BEGIN IMMEDIATE");
  for (const auto stream : streams) {
    const auto state = streams_.find(stream);
    const auto* part = open_.find(stream);
    const auto head = std::max(state ? state->row.last_sequence : 0, part != nullptr ? part->last_sequence : 0);
    if (head > 0) lose_.bind(stream, head).run();
  }
  execute(database_.get(), "COMMIT");
}

void JournalEraser::erase_in(const Segment& segment, std::span<const std::uint64_t> streams, bool has_row) {
  Segment left = segment;
  std::uint64_t first = UINT64_MAX;
  std::uint64_t last = 0;
  for (const auto stream : streams) {
    const auto found = segment.streams().find(stream);
    if (found == segment.streams().end()) continue;
    first = std::min(first, found->second.first_position);
    last = std::max(last, found->second.last_position);
    left.erase(stream);
  }
  if (last == 0) return;
  Block block;
  std::vector<std::uint64_t> readable;  // found before: after a page that cannot be read, SQLite commits nothing
  for (auto at = blocks_.holding_or_behind(first); at && *at <= last; at = blocks_.at_or_behind(*at + 1))
    if (blocks_.load(*at, block)) readable.push_back(*at);
  blocks_.release();
  std::uint64_t erased = 0;
  execute(database_.get(), "BEGIN IMMEDIATE");
  try {
    for (const auto at : readable)
      if (blocks_.load(at, block)) erased += erase_in(block, streams);
    blocks_.release();
    const std::string text = left.text();
    if (has_row) replace_segment_.bind(std::string_view(text), checksum_of_text(text), left.first_position()).run();
    execute(database_.get(), "COMMIT");
  } catch (...) {
    blocks_.release();
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
  erased_ += erased;
}

std::uint64_t JournalEraser::erase_in(const Block& block, std::span<const std::uint64_t> streams) {
  std::string data;
  std::uint64_t erased = 0;
  directory_.begin(block.taken_in_ms);
  for (const auto& entry : block.entries) {
    const bool goes = entry.state == BlockEntry::State::kWhole && std::ranges::binary_search(streams, entry.row.stream);
    erased += goes ? 1 : 0;
    if (goes || entry.state == BlockEntry::State::kDeleted) {
      directory_.add_deleted();
      continue;
    }
    directory_.add(entry.row, data.size(), entry.checksum);
    data += block.body(entry);
  }
  if (erased == 0) return 0;
  const auto directory = directory_.end();
  const auto position = block.position;
  blocks_.release();
  replace_block_.bind(data.empty() ? "[]" : directory, std::string_view(data), position).run();
  return erased;
}

}  // namespace trainbus
