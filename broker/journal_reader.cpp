#include <algorithm>
#include <functional>
#include <set>

#include "broker/journal.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

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

bool read_segment(const Statement& row, Segment& segment) {
  const auto text = row.bytes(2);
  return checksum_of_text(text) == row.number(3) && segment.read(row.number(0), row.number(1), text);
}

}  // namespace

JournalReader::JournalReader(const std::string& path)
    : database_(open_sqlite(path, SQLITE_OPEN_READONLY)),
      blocks_(database_.get()),
      other_blocks_(database_.get()),
      newest_blocks_(database_.get()),
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
  hidden_incarnations_ =
      Statement(database, std::string(kIncarnations) + "WHERE visibility<>0 ORDER BY session,heard_order");
  // SQLite takes the other columns from the row that has the maximum.
  listed_sessions_ = Statement(database,
                               "SELECT count(*) FROM (SELECT visibility,max(heard_order) FROM incarnations "
                               "GROUP BY session) WHERE visibility=0");
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
  if (viewing_) return read();
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

void JournalReader::in_one_view(const std::function<void()>& ask) {
  in_one_view<bool>([&] {
    viewing_ = true;
    try {
      ask();
    } catch (...) {
      viewing_ = false;
      throw;
    }
    viewing_ = false;
    return true;
  });
}

void JournalReader::release_blocks() {
  newest_ = {};
  newest_blocks_.release();
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
  where_readable([&] { retired_through_ = read_number(retired_); });
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

std::vector<IncarnationRow> JournalReader::hidden_incarnations() { return read_incarnations(hidden_incarnations_); }

std::size_t JournalReader::listed_sessions() {
  std::size_t count = 0;
  where_readable([&] { count = read_number(listed_sessions_); });
  return count;
}

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

JournalReader::LastRecord JournalReader::last_record(std::uint64_t stream) {
  return in_one_view<LastRecord>([&] {
    const auto position = newest_position(stream);
    const Block* block = position == 0 ? nullptr : newest_block(position);
    if (block == nullptr) return LastRecord();
    for (auto entry = block->entries.rbegin(); entry != block->entries.rend(); ++entry)
      if (entry->row.stream == stream && block->intact(*entry))
        return LastRecord{std::string(block->body(*entry)), entry->row.taken_in_ms};
    return LastRecord();
  });
}

// Streams that were made one after the other often have their newest records in the same one.
const Block* JournalReader::newest_block(std::uint64_t position) {
  const bool here = newest_.records > 0 && newest_.position <= position && position <= newest_.last_position();
  if (here) return &newest_;
  newest_ = {};
  const auto at = newest_blocks_.holding_or_behind(position);
  if (!at || !newest_blocks_.load(*at, newest_)) newest_ = {};
  return newest_.records > 0 ? &newest_ : nullptr;
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

v1::FetchReply JournalReader::fetch(const v1::FetchRequest& request) {
  return in_one_view<v1::FetchReply>(
      [&] { return request.archived_by().empty() ? read_page(request) : read_archived(request); });
}

bool JournalReader::segment_at(std::uint64_t position, Segment& segment) {
  bool found = false;
  where_readable(
      [&] { segment_before_.bind(position).each([&](const Statement& row) { found = read_segment(row, segment); }); });
  return found && segment.last_position() >= position;
}

}  // namespace trainbus
