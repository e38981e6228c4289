// How far the journal is in an archive: everything before the first record that the archive's heads lack.

#include <algorithm>

#include "broker/journal.hpp"

namespace trainbus {

std::uint64_t JournalReader::archived_through(const std::vector<std::uint64_t>& heads) {
  const auto lacks = [&](const Block& block, const BlockEntry& entry) {
    const auto stream = entry.row.stream;
    return streams_.knows(stream) && entry.row.sequence > heads[stream - 1] &&
           entry.state == BlockEntry::State::kWhole && block.intact(entry);
  };
  auto through = std::max(start_position(wanted_streams({}), heads), retired_through_);
  int looked_at = 0;
  Block block;
  auto at = blocks_.holding_or_behind(through + 1);
  for (; at && looked_at < kMaxScan; at = blocks_.at_or_behind(*at + 1)) {
    if (!blocks_.load(*at, block)) continue;  // nobody will ever have it
    auto position = block.position;
    for (const auto& entry : block.entries) {
      if (position > through && lacks(block, entry)) return position - 1;
      ++position;
      ++looked_at;
    }
    through = std::max(through, block.last_position());
  }
  return at ? through : std::max(tail_.last_position(), blocks_.end());
}

v1::FetchReply JournalReader::read_archived(const v1::FetchRequest& request) {
  refresh();
  auto& heads = archived_heads_[request.archived_by()];
  heads.resize(streams_.size());
  const auto said = heads_of(request);
  for (std::size_t i = 0; i < said.size(); ++i)
    heads[i] = std::max(heads[i], said[i]);
  v1::FetchReply reply;
  reply.set_end_position(std::max(tail_.last_position(), blocks_.end()));
  reply.set_at_end(true);
  if (request.after_position() != 0) return reply;  // the statement goes on
  reply.set_next_position(archived_through(heads));
  archived_heads_.erase(request.archived_by());
  return reply;
}

}  // namespace trainbus
