// What of the journal is retired, and what must wait for an archive.

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "broker/journal.hpp"

namespace trainbus {
namespace {

std::string archive_row(const std::string& archive) { return "archived:" + archive; }

}  // namespace

void JournalWriter::take_up_archives() {
  for (const auto& archive : retention_.until_archived)
    archived_[archive] = state(archive_row(archive));
}

void JournalWriter::note_archived(const std::string& archive, std::uint64_t position) {
  auto& known = archived_[archive];
  if (std::exchange(known, position) == position) return;
  begin_or_nothing([&] { set_state(archive_row(archive), position); });
}

std::uint64_t JournalWriter::archived_through() const {
  auto through = std::numeric_limits<std::uint64_t>::max();
  for (const auto& [archive, position] : archived_)
    through = std::min(through, position);
  return through;
}

bool JournalWriter::retire() {
  constexpr std::uint64_t kBlocksAtOnce = 2'000;
  constexpr std::uint64_t kBytesAtOnce = 1 << 20;
  const auto used = retention_.max_bytes == 0 ? 0 : bytes_in_use();
  const auto too_much = std::min(used - std::min(used, retention_.max_bytes), kBytesAtOnce);
  const std::int64_t oldest_kept_ms = retention_.max_age_ms == 0 ? INT64_MIN : clock_.now() - retention_.max_age_ms;
  const auto archived = archived_through();
  std::map<std::uint64_t, std::uint64_t> heads;  // retired, by stream
  std::uint64_t last_position = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
  Block block;
  held_for_archives_ = 0;
  for (auto at = blocks_.at_or_behind(0); at && blocks < kBlocksAtOnce && bytes < kBytesAtOnce;
       at = blocks_.at_or_behind(*at + 1)) {
    const bool readable = blocks_.load(*at, block);
    if (bytes >= too_much && (!readable || block.journal_ms >= oldest_kept_ms)) break;
    if ((readable ? block.last_position() : *at) > archived) {
      held_for_archives_ = position_ - std::min(position_, archived);
      ++held_up_;
      break;
    }
    ++blocks;
    last_position = readable ? block.last_position() : *at;
    bytes += readable ? block.data.size() + 64 : kJournalPageBytes;
    if (!readable) continue;
    for (const auto& entry : block.entries) {
      if (entry.state != BlockEntry::State::kWhole) continue;
      auto& head = heads[entry.row.stream];
      head = std::max(head, entry.row.sequence);
      ++records;
    }
  }
  blocks_.release();
  if (blocks == 0) return false;
  begin_or_nothing([&] {
    delete_to_.bind(last_position).run();
    delete_segments_.bind(last_position).run();
    for (const auto& [stream, sequence] : heads)
      retire_stream_.bind(stream, sequence).run();
    set_state("position", position_);
    set_state("retired", last_position);
  });
  retired_ += records;
  return blocks == kBlocksAtOnce || bytes >= kBytesAtOnce;
}

}  // namespace trainbus
