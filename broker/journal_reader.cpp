#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "broker/journal.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::uint32_t kDefaultPageBytes = 512 << 10;
constexpr std::uint32_t kMaxPageBytes = 1 << 20;
constexpr std::uint64_t kMaxPosition = INT64_MAX;  // what an SQLite integer holds

std::uint64_t read_number(Statement& query) {
  std::uint64_t value = 0;
  query.each([&](const Statement& row) { value = row.number(0); });
  return value;
}

// What a damaged page holds is left out.
template <class Read>
void where_readable(const Read& read) {
  try {
    read();
  } catch (const SqliteError& error) {
    if (!is_damage(error)) throw;
  }
}

IncarnationRow read_incarnation(const Statement& row) {
  IncarnationRow incarnation;
  if (auto session = parse_session_id(row.bytes(0))) incarnation.session = std::move(*session);
  incarnation.incarnation = row.number(1);
  incarnation.order = row.integer(2);
  incarnation.first_heard_ms = row.integer(3);
  incarnation.visibility = static_cast<Visibility>(row.integer(4));
  return incarnation;
}

std::vector<IncarnationRow> read_incarnations(Statement& query) {
  std::vector<IncarnationRow> rows;
  where_readable([&] { query.each([&](const Statement& row) { rows.push_back(read_incarnation(row)); }); });
  return rows;
}

void add_range(v1::FetchReply& reply, const StreamTable& streams, const StoreBatch::Lost& lost) {
  auto* range = reply.add_lost();
  range->mutable_stream()->set_session_id(streams.session(lost.stream).id());
  range->mutable_stream()->set_incarnation(streams.incarnation(lost.stream));
  range->mutable_stream()->set_kind(streams.kind(lost.stream));
  range->mutable_stream()->set_sequence(lost.first_sequence);
  range->set_last_sequence(lost.last_sequence);
}

bool read_segment(const Statement& row, Segment& segment) {
  const auto text = row.bytes(2);
  return checksum_of_text(text) == row.number(3) && segment.read(row.number(0), row.number(1), text);
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

JournalReader::JournalReader(const std::string& path)
    : database_(open_sqlite(path, SQLITE_OPEN_READONLY)),
      blocks_(database_.get()),
      other_blocks_(database_.get()),
      stream_rows_(database_.get()) {
  sqlite3* database = database_.get();
  const auto of_streams = [&](const char* which) {
    return Statement(database, std::string("SELECT ") + StreamRows::kColumns + " FROM streams " + which);
  };
  new_streams_ = of_streams("WHERE stream>? ORDER BY stream");
  session_streams_ = of_streams("WHERE session=CAST(? AS TEXT) ORDER BY stream");
  incarnation_streams_ = of_streams("WHERE session=CAST(? AS TEXT) AND incarnation=? ORDER BY stream");
  newest_streams_ = of_streams("ORDER BY stream DESC LIMIT ?");
  session_after_ =
      Statement(database, "SELECT session FROM streams WHERE session>CAST(? AS TEXT) ORDER BY session LIMIT 1");
  last_stream_ = Statement(database, "SELECT ifnull(max(stream),0) FROM streams");
  constexpr const char* kIncarnations =
      "SELECT session,incarnation,heard_order,first_heard_ms,visibility FROM incarnations ";
  incarnations_ = Statement(database, std::string(kIncarnations) + "ORDER BY session,heard_order");
  session_incarnations_ =
      Statement(database, std::string(kIncarnations) + "WHERE session=CAST(? AS TEXT) ORDER BY heard_order");
  order_ = Statement(database,
                     "SELECT heard_order,first_heard_ms FROM incarnations WHERE session=CAST(? AS TEXT) AND "
                     "incarnation=?");
  lost_ = Statement(database, "SELECT stream,first_sequence,last_sequence FROM lost");
  highest_lost_ = Statement(database, "SELECT ifnull(max(last_sequence),0) FROM lost WHERE stream=?");
  own_ = Statement(database, "SELECT position FROM own WHERE stream=? ORDER BY position");
  constexpr const char* kSegments = "SELECT position,last_position,streams,checksum FROM segments ";
  segments_behind_ = Statement(database, std::string(kSegments) + "WHERE position>=? ORDER BY position");
  segment_before_ = Statement(database, std::string(kSegments) + "WHERE position<=? ORDER BY position DESC LIMIT 1");
  end_of_segments_ = Statement(database, "SELECT last_position FROM segments ORDER BY position DESC LIMIT 1");
  retired_ = Statement(database, "SELECT value FROM state WHERE name='retired'");
}

template <class Result>
Result JournalReader::in_one_view(const std::function<Result()>& read) {
  execute(database_.get(), "BEGIN");
  try {
    refresh_tail();
    Result result = read();
    release_blocks();
    // Not COMMIT, which fails after a page that could not be read.
    execute(database_.get(), "ROLLBACK");
    return result;
  } catch (...) {
    release_blocks();
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

void JournalReader::release_blocks() {
  blocks_.release();
  other_blocks_.release();
}

void JournalReader::refresh_tail() {
  std::uint64_t ended = 0;
  where_readable([&] { ended = read_number(end_of_segments_); });
  if (ended > tail_.last_position() || tail_.first_position() <= ended) {
    if (streams_.size() > 0) read_segments(tail_.first_position());
    tail_.begin(ended + 1);
  }
  extend_segment(blocks_, tail_);
}

void JournalReader::refresh() {
  read_streams();
  if (!without_row_.empty()) recover_streams();
  for (const auto& [stream, part] : tail_.streams())
    streams_.advance(stream, part.last_sequence);
}

void JournalReader::read_segments(std::uint64_t from) {
  where_readable([&] {
    segments_behind_.bind(from).each([&](const Statement& row) {
      Segment segment;
      if (!read_segment(row, segment)) return;
      for (const auto& [stream, part] : segment.streams())
        streams_.advance(stream, part.last_sequence);
    });
  });
}

void JournalReader::read_streams() {
  auto next = streams_.size() + 1;
  const auto take = [&](const Statement& row) {
    next = row.number(0) + 1;
    if (const auto state = StreamRows::read(row))
      streams_.put(state->row);
    else
      without_row_.push_back(row.number(0));
  };
  try {
    new_streams_.bind(streams_.size()).each(take);
  } catch (const SqliteError& error) {
    if (!is_damage(error)) throw;
    std::uint64_t last = next;
    where_readable([&] { last = read_number(last_stream_); });
    for (; next <= last; ++next) {
      std::optional<StreamState> state;
      where_readable([&] { state = stream_rows_.find(next); });
      if (state)
        streams_.put(state->row);
      else
        without_row_.push_back(next);
    }
  }
}

// Who the streams without a row are, their records tell.
void JournalReader::recover_streams() {
  const std::set<std::uint64_t> missing(without_row_.begin(), without_row_.end());
  without_row_.clear();
  const auto learn = [&](const Segment& segment) {
    for (const auto& [stream, part] : segment.streams()) {
      if (streams_.knows(stream) && !missing.contains(stream)) continue;
      Block block;
      const auto at = blocks_.holding_or_behind(part.first_position);
      if (!streams_.knows(stream) && at && blocks_.load(*at, block))
        for (const auto& entry : block.entries)
          if (entry.row.stream == stream && block.intact(entry)) belongs(entry, block.body(entry));
      streams_.advance(stream, part.last_sequence);
    }
  };
  where_readable([&] {
    segments_behind_.bind(0).each([&](const Statement& row) {
      Segment segment;
      if (read_segment(row, segment)) learn(segment);
    });
  });
  learn(tail_);
}

std::vector<StreamRow> JournalReader::streams() {
  return in_one_view<std::vector<StreamRow>>([&] {
    refresh();
    std::vector<StreamRow> rows;
    for (std::uint64_t stream = 1; stream <= streams_.size(); ++stream) {
      if (!streams_.knows(stream)) continue;
      rows.push_back(streams_.row(stream));
      take_newest_head(rows.back());
    }
    return rows;
  });
}

std::vector<StreamRow> JournalReader::read_rows(Statement& query) {
  return in_one_view<std::vector<StreamRow>>([&] {
    std::vector<StreamRow> rows;
    query.each([&](const Statement& row) {
      if (auto state = StreamRows::read(row)) rows.push_back(std::move(state->row));
    });
    for (auto& row : rows)
      take_newest_head(row);
    return rows;
  });
}

std::vector<StreamRow> JournalReader::streams(const SessionName& session) {
  const std::string id = session.id();
  return read_rows(session_streams_.bind(std::string_view(id)));
}

std::vector<StreamRow> JournalReader::streams(const SessionName& session, std::uint64_t incarnation) {
  const std::string id = session.id();
  return read_rows(incarnation_streams_.bind(std::string_view(id), incarnation));
}

std::vector<StreamRow> JournalReader::newest_streams(std::size_t limit) {
  auto rows = read_rows(newest_streams_.bind(static_cast<std::uint64_t>(limit)));
  std::ranges::reverse(rows);
  return rows;
}

std::uint64_t JournalReader::last_stream() { return read_number(last_stream_); }

std::string JournalReader::session_after(const std::string& session_id) {
  std::string next;
  session_after_.bind(std::string_view(session_id)).each([&](const Statement& row) { next = row.bytes(0); });
  return next;
}

void JournalReader::take_newest_head(StreamRow& stream) {
  if (const auto* part = tail_.find(stream.stream))
    stream.last_sequence = std::max(stream.last_sequence, part->last_sequence);
  where_readable(
      [&] { stream.last_sequence = std::max(stream.last_sequence, read_number(highest_lost_.bind(stream.stream))); });
}

std::vector<IncarnationRow> JournalReader::incarnations() { return read_incarnations(incarnations_); }

std::vector<IncarnationRow> JournalReader::incarnations(const SessionName& session) {
  const std::string id = session.id();
  return read_incarnations(session_incarnations_.bind(std::string_view(id)));
}

JournalReader::Use JournalReader::use(const SessionName& session) {
  const std::string id = session.id();
  return in_one_view<Use>([&] {
    Use use;
    session_streams_.bind(std::string_view(id)).each([&](const Statement& row) {
      const auto state = StreamRows::read(row);
      if (!state) return;
      const auto* part = tail_.find(state->row.stream);
      use.records += state->records + (part != nullptr ? part->records : 0);
      use.bytes += state->bytes + (part != nullptr ? part->bytes : 0);
    });
    return use;
  });
}

std::uint64_t JournalReader::newest_position(std::uint64_t stream) {
  if (const auto* part = tail_.find(stream)) return part->last_position;
  std::uint64_t position = 0;
  where_readable([&] {
    const auto state = stream_rows_.find(stream);
    position = state ? state->last_position : 0;
  });
  return position;
}

std::string JournalReader::last_body(std::uint64_t stream) {
  return in_one_view<std::string>([&] {
    Block block;
    const auto position = newest_position(stream);
    const auto at = blocks_.holding_or_behind(position);
    if (position == 0 || !at || !blocks_.load(*at, block)) return std::string();
    for (auto entry = block.entries.rbegin(); entry != block.entries.rend(); ++entry)
      if (entry->row.stream == stream && block.intact(*entry)) return std::string(block.body(*entry));
    return std::string();
  });
}

std::vector<std::string> JournalReader::bodies(std::uint64_t stream) {
  return in_one_view<std::vector<std::string>>([&] {
    std::vector<std::string> bodies;
    std::vector<std::uint64_t> positions;
    where_readable([&] { own_.bind(stream).each([&](const Statement& row) { positions.push_back(row.number(0)); }); });
    Block block;
    for (const auto position : positions) {
      const auto at = blocks_.holding_or_behind(position);
      if (!at || *at > position || !blocks_.load(*at, block) || position - *at >= block.entries.size()) continue;
      const auto& entry = block.entries[position - *at];
      if (entry.row.stream == stream && block.intact(entry)) bodies.emplace_back(block.body(entry));
    }
    return bodies;
  });
}

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

bool JournalReader::segment_at(std::uint64_t position, Segment& segment) {
  bool found = false;
  where_readable(
      [&] { segment_before_.bind(position).each([&](const Statement& row) { found = read_segment(row, segment); }); });
  return found && segment.last_position() >= position;
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

v1::FetchReply JournalReader::fetch(const v1::FetchRequest& request) {
  return in_one_view<v1::FetchReply>([&] { return read_page(request); });
}

v1::FetchReply JournalReader::read_page(const v1::FetchRequest& request) {
  refresh();
  Page page;
  page.wanted = wanted_streams(request);
  page.heads = heads_of(request);
  page.budget = std::min(request.max_bytes() == 0 ? kDefaultPageBytes : request.max_bytes(), kMaxPageBytes);
  where_readable([&] { retired_through_ = read_number(retired_); });
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
