// The pages of JournalReader::fetch: what is there, and what is lost.

#include <algorithm>
#include <map>
#include <set>

#include "broker/journal.hpp"
#include "broker/sqlite.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::uint32_t kDefaultFetchBytes = 512 << 10;
constexpr std::uint32_t kMaxFetchBytes = 1 << 20;

void add_range(v1::FetchReply& reply, const StreamTable& streams, const StoreBatch::Lost& lost) {
  auto* range = reply.add_lost();
  range->mutable_stream()->set_session_id(streams.session(lost.stream).id());
  range->mutable_stream()->set_incarnation(streams.incarnation(lost.stream));
  range->mutable_stream()->set_kind(streams.kind(lost.stream));
  range->mutable_stream()->set_sequence(lost.first_sequence);
  range->set_last_sequence(lost.last_sequence);
}

}  // namespace

struct JournalReader::Page {
  std::vector<bool> wanted;          // by stream - 1
  std::vector<std::uint64_t> heads;  // by stream - 1; empty: none
  std::size_t budget = 0;
  v1::FetchReply reply;
  std::size_t bytes = 0;
  int looked_at = 0;
  std::set<std::uint64_t> served;  // streams
  std::set<std::uint64_t> said;    // segments whose losses are in it

  bool wants(std::uint64_t stream) const { return stream <= wanted.size() && wanted[stream - 1]; }
  std::uint64_t head(std::uint64_t stream) const { return heads.empty() ? 0 : heads[stream - 1]; }
  bool full() const { return bytes >= budget || looked_at >= kMaxScan; }
};

std::vector<bool> JournalReader::wanted_streams(const v1::FetchRequest& request) const {
  std::vector<bool> wanted(streams_.size());
  const auto& kinds = request.kinds();
  for (std::uint64_t stream = 1; stream <= streams_.size(); ++stream) {
    if (!streams_.knows(stream)) continue;
    const auto& session = streams_.session(stream);
    wanted[stream - 1] =
        (kinds.empty() || std::find(kinds.begin(), kinds.end(), streams_.kind(stream)) != kinds.end()) &&
        (request.run().empty() || request.run() == session.run) &&
        (request.trainer().empty() || request.trainer() == session.trainer);
  }
  return wanted;
}

std::vector<std::uint64_t> JournalReader::heads_of(const v1::FetchRequest& request) const {
  if (request.heads().empty()) return {};
  std::vector<std::uint64_t> heads(streams_.size());
  for (const auto& head : request.heads())
    for (const auto stream : streams_.of_session(head.session_id()))
      if (streams_.incarnation(stream) == head.incarnation() && streams_.kind(stream) == head.kind())
        heads[stream - 1] = head.sequence();
  return heads;
}

std::uint64_t JournalReader::start_position(const std::vector<bool>& wanted, const std::vector<std::uint64_t>& heads) {
  std::map<std::uint64_t, std::uint64_t> behind;  // stream -> the asker's head
  for (std::uint64_t stream = 1; stream <= wanted.size(); ++stream)
    if (wanted[stream - 1] && streams_.last_sequence(stream) > heads[stream - 1])
      behind.emplace(stream, heads[stream - 1]);
  std::uint64_t start = std::max(tail_.last_position(), blocks_.end());
  const auto look = [&](const Segment& segment) {
    for (auto stream = behind.begin(); stream != behind.end();) {
      const auto found = segment.streams().find(stream->first);
      const bool has = found != segment.streams().end() && found->second.last_sequence > stream->second;
      if (has) start = std::min(start, found->second.first_position - 1);
      stream = has && found->second.first_sequence <= stream->second + 1 ? behind.erase(stream) : std::next(stream);
    }
  };
  look(tail_);
  Segment segment;
  for (auto before = tail_.first_position() - 1; before > 0 && !behind.empty();) {
    if (!segment_at(before, segment)) return 0;  // it may be there
    look(segment);
    before = segment.first_position() - 1;
    if (before <= retired_through_) break;
  }
  return start;
}

void JournalReader::add_lost(Page& page) {
  where_readable([&] {
    lost_.each([&](const Statement& row) {
      const StoreBatch::Lost lost{row.number(0), row.number(1), row.number(2)};
      if (lost.stream != 0 && page.wants(lost.stream) && lost.last_sequence > page.head(lost.stream))
        add_range(page.reply, streams_, lost);
    });
  });
}

const JournalReader::Losses& JournalReader::losses_at(std::uint64_t position) {
  Segment segment;
  const bool in_tail = position >= tail_.first_position();
  const bool known = in_tail || segment_at(position, segment);
  if (in_tail) segment = tail_;
  if (!known) {  // the segment's own row is damaged: what is around tells
    segment.begin(position - std::min(position - 1, Segment::kMaxRecords));
    extend_segment(other_blocks_, segment, position + Segment::kMaxRecords);
    segment.extend(position + Segment::kMaxRecords);
  }
  auto& losses = losses_[segment.first_position()];
  if (losses.last_position == segment.last_position()) return losses;
  losses = {segment.last_position(), {}};
  std::map<std::uint64_t, std::uint64_t> next;  // stream -> the sequence that should follow
  for (const auto& [stream, part] : segment.streams()) {
    next[stream] = part.first_sequence;
    if (!in_tail) continue;
    where_readable([&, of = stream] {
      if (const auto state = stream_rows_.find(of)) next[of] = state->row.last_sequence + 1;
    });
  }
  const auto lose = [&](std::uint64_t stream, std::uint64_t first, std::uint64_t last) {
    if (first <= last) losses.ranges.push_back({stream, first, last});
  };
  Block block;
  for (auto at = other_blocks_.holding_or_behind(segment.first_position()); at && *at <= segment.last_position();
       at = other_blocks_.at_or_behind(*at + 1)) {
    if (!other_blocks_.load(*at, block)) continue;
    for (const auto& entry : block.entries) {
      const auto stream = next.find(entry.row.stream);
      if (stream == next.end() || entry.row.sequence < stream->second || !block.intact(entry)) continue;
      lose(stream->first, stream->second, entry.row.sequence - 1);
      stream->second = entry.row.sequence + 1;
    }
  }
  for (const auto& [stream, part] : segment.streams())
    lose(stream, next[stream], part.last_sequence);
  return losses;
}

void JournalReader::add_losses_at(std::uint64_t position, Page& page) {
  const auto& losses = losses_at(position);
  if (!page.said.insert(losses.last_position).second) return;
  for (const auto& lost : losses.ranges)
    if (page.wants(lost.stream) && lost.last_sequence > page.head(lost.stream)) add_range(page.reply, streams_, lost);
}

bool JournalReader::belongs(const BlockEntry& entry, std::string_view body) {
  if (!checked_.ParseFromArray(body.data(), static_cast<int>(body.size()))) return false;
  const auto stream = entry.row.stream;
  if (!streams_.knows(stream)) {
    const auto session = parse_session_id(checked_.session_id());
    if (session) streams_.put({stream, *session, checked_.incarnation(), payload_kind(checked_), 0});
  }
  return streams_.knows(stream) && checked_.session_id() == streams_.session(stream).id() &&
         checked_.incarnation() == streams_.incarnation(stream) && checked_.sequence() == entry.row.sequence;
}

void JournalReader::add_record(const Block& block, const BlockEntry& entry, std::uint64_t position, Page& page) {
  if (entry.state == BlockEntry::State::kDeleted) return;
  const auto stream = entry.row.stream;
  const auto body = block.body(entry);
  // Before anything of it is believed: a changed number may be that of a stream that nobody asks for.
  const bool intact = block.intact(entry);
  if (intact && (!page.wants(stream) || entry.row.sequence <= page.head(stream))) return;
  if (!intact || !belongs(entry, body)) {
    ++damaged_;
    add_losses_at(position, page);
    return;
  }
  auto* record = page.reply.add_records();
  record->set_position(position);
  record->set_kind(streams_.kind(stream));
  record->set_message(body.data(), body.size());
  record->set_taken_in_ms(entry.row.taken_in_ms);
  page.bytes += body.size();
  page.served.insert(stream);
}

// Of every incarnation that has a record in this page.
void JournalReader::add_incarnations(Page& page) {
  std::set<std::pair<std::string_view, std::uint64_t>> added;
  for (const auto stream : page.served) {
    auto& known = orders_[stream];
    if (known.incarnation() == 0) {
      const std::string id = streams_.session(stream).id();
      where_readable([&] {
        order_.bind(std::string_view(id), streams_.incarnation(stream)).each([&](const Statement& row) {
          known.set_session_id(id);
          known.set_incarnation(streams_.incarnation(stream));
          known.set_order(row.integer(0));
          known.set_first_heard_ms(row.integer(1));
        });
      });
    }
    if (known.incarnation() != 0 && added.emplace(known.session_id(), known.incarnation()).second)
      *page.reply.add_incarnations() = known;
  }
}

// Positions that no block has.
void JournalReader::add_gap(std::uint64_t first, std::uint64_t last, Page& page) {
  damaged_ += last - first + 1;
  while (first <= last) {
    add_losses_at(first, page);
    first = std::max(first, losses_at(first).last_position) + 1;
  }
}

v1::FetchReply JournalReader::read_page(const v1::FetchRequest& request) {
  refresh();
  Page page;
  page.wanted = wanted_streams(request);
  page.heads = heads_of(request);
  page.budget = std::min(request.max_bytes() == 0 ? kDefaultFetchBytes : request.max_bytes(), kMaxFetchBytes);
  const bool by_position = request.after_position() > 0 || page.heads.empty();
  const auto start = by_position ? request.after_position() : start_position(page.wanted, page.heads);
  if (request.after_position() == 0) add_lost(page);
  page.reply.set_next_position(start);
  const auto end = std::max(tail_.last_position(), blocks_.end());
  page.reply.set_end_position(end);
  if (start >= kMaxPosition || start >= end) {
    page.reply.set_at_end(true);
    return std::move(page.reply);
  }
  auto next = std::max(start, retired_through_) + 1;
  Block block;
  for (auto at = blocks_.holding_or_behind(next); at && !page.full(); at = blocks_.at_or_behind(*at + 1)) {
    if (!blocks_.load(*at, block)) continue;
    if (block.position > next) add_gap(next, block.position - 1, page);
    auto position = block.position;
    for (auto entry = block.entries.begin(); entry != block.entries.end() && !page.full(); ++entry, ++position) {
      if (position < next) continue;
      add_record(block, *entry, position, page);
      ++page.looked_at;
      page.reply.set_next_position(position);
    }
    if (block.entries.empty()) page.reply.set_next_position(block.last_position());
    if (page.reply.next_position() < block.last_position()) break;
    next = block.last_position() + 1;
  }
  if (!page.full() && next <= end) add_gap(next, end, page);
  add_incarnations(page);
  page.reply.set_at_end(page.reply.next_position() >= end || !page.full());
  if (page.reply.at_end()) page.reply.set_next_position(std::max(page.reply.next_position(), end));
  return std::move(page.reply);
}

}  // namespace trainbus
