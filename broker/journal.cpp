#include "broker/journal.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

constexpr int kSchemaVersion = 1;
constexpr std::uint32_t kDefaultPageBytes = 512 << 10;
constexpr std::uint32_t kMaxPageBytes = 1 << 20;
constexpr std::uint64_t kMaxPosition = INT64_MAX;  // what an SQLite integer holds

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS streams(
  stream INTEGER PRIMARY KEY, session TEXT NOT NULL, incarnation INTEGER NOT NULL, kind TEXT NOT NULL,
  last_sequence INTEGER NOT NULL, UNIQUE(session, incarnation, kind));
CREATE TABLE IF NOT EXISTS records(
  position INTEGER PRIMARY KEY, stream INTEGER NOT NULL, sequence INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
  crc INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE(stream, sequence));
CREATE TABLE IF NOT EXISTS lost(
  stream INTEGER NOT NULL, first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
  PRIMARY KEY(stream, first_sequence)) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS history AS
  SELECT position, CAST(session AS TEXT) AS session, incarnation, CAST(kind AS TEXT) AS kind, sequence, timestamp_ms,
         body FROM records JOIN streams USING(stream);
)";

std::uint64_t checksum(std::string_view body) {
  return crc32_z(0, reinterpret_cast<const unsigned char*>(body.data()), body.size());
}

std::uint64_t read_number(Statement& query) {
  const std::uint64_t value = query.step() ? query.number(0) : 0;
  query.reset();
  return value;
}

void check_version(sqlite3* database, const std::string& path) {
  Statement get(database, "PRAGMA user_version");
  get.step();
  const auto found = get.integer(0);
  if (found != 0 && found != kSchemaVersion)
    throw SqliteError(SQLITE_ERROR, "journal '" + path + "' has version " + std::to_string(found) +
                                        ", this broker reads version " + std::to_string(kSchemaVersion));
}

StreamRow read_stream(const Statement& row) {
  StreamRow stream;
  stream.stream = row.number(0);
  if (auto session = parse_session_id(row.bytes(1))) stream.session = std::move(*session);
  stream.incarnation = row.number(2);
  stream.kind = kind_from_name(row.bytes(3));
  stream.last_sequence = row.number(4);
  return stream;
}

}  // namespace

std::uint64_t StoreBatch::bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& row : rows)
    bytes += row.body.size();
  return bytes;
}

void StoreBatch::append(StoreBatch&& later) {
  const auto move_all = [](auto& from, auto& to) { std::move(from.begin(), from.end(), std::back_inserter(to)); };
  move_all(later.new_streams, new_streams);
  move_all(later.rows, rows);
  move_all(later.lost, lost);
}

StateFolder::StateFolder(const std::string& path) : path_(path) {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) throw std::runtime_error("state folder '" + path_ + "': " + error.message());
  lock_fd_ = open((path_ + "/lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (lock_fd_ < 0) throw std::runtime_error("state folder '" + path_ + "': " + std::strerror(errno));
  if (flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    close(lock_fd_);
    throw std::runtime_error("state folder '" + path_ + "' is in use by another broker");
  }
}

StateFolder::~StateFolder() { close(lock_fd_); }

JournalWriter::JournalWriter(const std::string& path, Durability durability)
    : database_(open_sqlite(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) {
  sqlite3* database = database_.get();
  check_version(database, path);
  execute(database, "PRAGMA auto_vacuum=INCREMENTAL");  // before the first table, or it has no effect
  execute(database, "PRAGMA journal_mode=WAL");
  execute(database, durability == Durability::kPower ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
  execute(database, "PRAGMA wal_autocheckpoint=4000");
  execute(database, kSchema);
  execute(database, ("PRAGMA user_version=" + std::to_string(kSchemaVersion)).c_str());
  add_stream_ = Statement(database, "INSERT OR IGNORE INTO streams VALUES(?,CAST(? AS TEXT),?,CAST(? AS TEXT),0)");
  add_row_ = Statement(database, "INSERT OR IGNORE INTO records VALUES(?,?,?,?,?,?)");
  move_head_ = Statement(database, "UPDATE streams SET last_sequence=max(last_sequence,?) WHERE stream=?");
  add_lost_ = Statement(database, "INSERT OR IGNORE INTO lost VALUES(?,?,?)");
  oldest_ = Statement(database, "SELECT position,stream,sequence,timestamp_ms FROM records ORDER BY position LIMIT " +
                                    std::to_string(kRetireRows));
  delete_to_ = Statement(database, "DELETE FROM records WHERE position<=?");
  retire_stream_ = Statement(database,
                             "INSERT INTO lost VALUES(?,1,?) ON CONFLICT(stream,first_sequence) "
                             "DO UPDATE SET last_sequence=max(last_sequence,excluded.last_sequence)");
  pages_ = Statement(database, "PRAGMA page_count");
  free_pages_ = Statement(database, "PRAGMA freelist_count");
  Statement last(database, "SELECT ifnull(max(position),0) FROM records");
  position_ = read_number(last);
}

void JournalWriter::begin_or_nothing(const std::function<void()>& changes) {
  execute(database_.get(), "BEGIN IMMEDIATE");
  try {
    changes();
    execute(database_.get(), "COMMIT");
  } catch (...) {
    if (sqlite3_get_autocommit(database_.get()) == 0)
      sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

void JournalWriter::append(const StoreBatch& batch, const std::function<bool()>& gives_way) {
  const auto position_before = position_;
  try {
    begin_or_nothing([&] { insert(batch, gives_way); });
  } catch (...) {
    position_ = position_before;
    throw;
  }
}

std::uint64_t JournalWriter::bytes_in_use() {
  constexpr std::uint64_t kPageBytes = 4096;
  return (read_number(pages_) - read_number(free_pages_)) * kPageBytes;
}

bool JournalWriter::retire(const Retention& retention, std::int64_t now_unix_ms) {
  const bool too_large = retention.max_bytes != 0 && bytes_in_use() > retention.max_bytes;
  const std::int64_t oldest_kept_ms = retention.max_age_ms == 0 ? INT64_MIN : now_unix_ms - retention.max_age_ms;
  std::uint64_t last_position = 0;
  std::map<std::uint64_t, std::uint64_t> retired;  // stream -> highest sequence
  std::uint64_t count = 0;
  for (; oldest_.step(); ++count) {
    if (!too_large && oldest_.integer(3) >= oldest_kept_ms) break;
    last_position = oldest_.number(0);
    auto& highest = retired[oldest_.number(1)];
    highest = std::max(highest, oldest_.number(2));
  }
  oldest_.reset();
  if (count == 0) return false;
  begin_or_nothing([&] {
    delete_to_.bind(last_position).run();
    for (const auto& [stream, sequence] : retired)
      retire_stream_.bind(stream, sequence).run();
  });
  execute(database_.get(), "PRAGMA incremental_vacuum(500)");
  retired_ += count;
  return count == kRetireRows;
}

void JournalWriter::insert(const StoreBatch& batch, const std::function<bool()>& gives_way) {
  constexpr std::uint64_t kRowsAtOnce = 4;  // about 10 us
  for (const auto& stream : batch.new_streams) {
    const std::string session = stream.session.id();
    add_stream_.bind(stream.stream, std::string_view(session), stream.incarnation, kind_name(stream.kind)).run();
  }
  std::map<std::uint64_t, std::uint64_t> heads;
  for (const auto& row : batch.rows) {
    add_row_
        .bind(++position_, row.stream, row.sequence, row.timestamp_ms, checksum(bytes_of(row.body)), bytes_of(row.body))
        .run();
    if (position_ % kRowsAtOnce == 0 && gives_way()) std::this_thread::yield();
    auto& head = heads[row.stream];
    head = std::max(head, row.sequence);
  }
  for (const auto& lost : batch.lost) {
    add_lost_.bind(lost.stream, lost.first_sequence, lost.last_sequence).run();
    auto& head = heads[lost.stream];
    head = std::max(head, lost.last_sequence);
  }
  for (const auto& [stream, sequence] : heads)
    move_head_.bind(sequence, stream).run();
}

JournalReader::JournalReader(const std::string& path) : database_(open_sqlite(path, SQLITE_OPEN_READONLY)) {
  sqlite3* database = database_.get();
  constexpr const char* kStreams = "SELECT stream,session,incarnation,kind,last_sequence FROM streams ";
  new_streams_ = Statement(database, std::string(kStreams) + "WHERE stream>? ORDER BY stream");
  heads_ = Statement(database, "SELECT stream,last_sequence FROM streams");
  last_body_ = Statement(database, "SELECT body FROM records WHERE stream=? ORDER BY sequence DESC LIMIT 1");
  bodies_ = Statement(database, "SELECT body FROM records WHERE stream=? ORDER BY sequence");
  scan_ =
      Statement(database, "SELECT position,stream,body,sequence,crc FROM records WHERE position>? ORDER BY position");
  seek_ = Statement(database, "SELECT position FROM records WHERE stream=? AND sequence>? ORDER BY sequence LIMIT 1");
  end_ = Statement(database, "SELECT ifnull(max(position),0) FROM records");
  lost_ = Statement(database, "SELECT stream,first_sequence,last_sequence FROM lost");
  highest_ = Statement(database, "SELECT ifnull(max(sequence),0) FROM records WHERE stream=?");
  // By the index to the row, as the scan will find it: the index alone would answer with what it has itself.
  row_ = Statement(database,
                   "SELECT position,stream,body,sequence,crc FROM records "
                   "WHERE position=(SELECT position FROM records WHERE stream=? AND sequence=?)");
  covered_ = Statement(database, "SELECT 1 FROM lost WHERE stream=?1 AND first_sequence<=?2 AND last_sequence>=?2");
  highest_lost_ = Statement(database, "SELECT ifnull(max(last_sequence),0) FROM lost WHERE stream=?");
}

void JournalReader::refresh_streams() {
  new_streams_.bind(static_cast<std::uint64_t>(streams_.size()));
  while (new_streams_.step()) {
    const auto row = read_stream(new_streams_);
    streams_.resize(std::max<std::size_t>(streams_.size(), row.stream));
    streams_[row.stream - 1] = row;
  }
  new_streams_.reset();
}

std::vector<StreamRow> JournalReader::streams() {
  refresh_streams();
  for (auto& stream : streams_)
    stream.last_sequence =
        std::max(read_number(highest_.bind(stream.stream)), read_number(highest_lost_.bind(stream.stream)));
  return streams_;
}

std::string JournalReader::last_body(std::uint64_t stream) {
  last_body_.bind(stream);
  std::string body(last_body_.step() ? last_body_.bytes(0) : std::string_view{});
  last_body_.reset();
  return body;
}

std::vector<std::string> JournalReader::bodies(std::uint64_t stream) {
  std::vector<std::string> bodies;
  bodies_.bind(stream);
  while (bodies_.step())
    bodies.emplace_back(bodies_.bytes(0));
  bodies_.reset();
  return bodies;
}

std::vector<bool> JournalReader::wanted_streams(const v1::FetchRequest& request) const {
  std::vector<bool> wanted(streams_.size());
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    const auto& stream = streams_[i];
    const auto& kinds = request.kinds();
    wanted[i] = (kinds.empty() || std::find(kinds.begin(), kinds.end(), stream.kind) != kinds.end()) &&
                (request.run().empty() || request.run() == stream.session.run) &&
                (request.trainer().empty() || request.trainer() == stream.session.trainer);
  }
  return wanted;
}

namespace {

using HeadMap = std::map<std::tuple<std::string, std::uint64_t, int>, std::uint64_t>;

HeadMap heads_of(const v1::FetchRequest& request) {
  HeadMap heads;
  for (const auto& head : request.heads())
    heads[{head.session_id(), head.incarnation(), head.kind()}] = head.sequence();
  return heads;
}

void add_range(v1::FetchReply& reply, const StreamRow& stream, std::uint64_t first, std::uint64_t last) {
  auto* range = reply.add_lost();
  range->mutable_stream()->set_session_id(stream.session.id());
  range->mutable_stream()->set_incarnation(stream.incarnation);
  range->mutable_stream()->set_kind(stream.kind);
  range->mutable_stream()->set_sequence(first);
  range->set_last_sequence(last);
}

std::uint64_t head_of(const HeadMap& heads, const StreamRow& stream) {
  const auto found = heads.find({stream.session.id(), stream.incarnation, stream.kind});
  return found == heads.end() ? 0 : found->second;
}

}  // namespace

std::uint64_t JournalReader::start_position(const v1::FetchRequest& request, const std::vector<bool>& wanted) {
  if (request.after_position() > 0 || request.heads().empty()) return request.after_position();
  const HeadMap heads = heads_of(request);
  std::uint64_t start = read_number(end_);
  while (heads_.step())
    streams_[heads_.number(0) - 1].last_sequence = heads_.number(1);
  heads_.reset();
  for (const auto& stream : streams_) {
    if (stream.stream == 0 || !wanted[stream.stream - 1]) continue;
    const auto head = head_of(heads, stream);
    if (stream.last_sequence <= head) continue;
    seek_.bind(stream.stream, head);
    if (seek_.step()) start = std::min(start, seek_.number(0) - 1);
    seek_.reset();
  }
  return start;
}

void JournalReader::add_lost(const v1::FetchRequest& request, const std::vector<bool>& wanted, v1::FetchReply& reply) {
  const HeadMap heads = heads_of(request);
  while (lost_.step()) {
    const auto id = lost_.number(0);
    if (id > streams_.size() || !wanted[id - 1]) continue;
    const auto& stream = streams_[id - 1];
    if (lost_.number(2) <= head_of(heads, stream)) continue;
    add_range(reply, stream, lost_.number(1), lost_.number(2));
  }
  lost_.reset();
}

bool JournalReader::is_intact(std::uint64_t stream, std::uint64_t sequence) {
  try {
    row_.bind(stream, sequence);
    const bool intact = row_.step() && row_.number(1) == stream && row_.number(3) == sequence &&
                        check(row_, streams_[stream - 1]) == Verdict::kAsWritten;
    row_.reset();
    return intact;
  } catch (const SqliteError&) {
    return false;
  }
}

// The nearest record before this one that is there, or is known to be lost: pages before this one dealt with it. Those
// in between have vanished from the file, and only this tells.
std::uint64_t JournalReader::accounted_below(std::uint64_t stream, std::uint64_t sequence) {
  for (--sequence; sequence > 0; --sequence) {
    const bool covered = covered_.bind(stream, sequence).step();
    covered_.reset();
    if (covered || is_intact(stream, sequence)) break;
  }
  return sequence;
}

JournalReader::Verdict JournalReader::check(const Statement& row, const StreamRow& stream) {
  const auto body = row.bytes(2);
  if (checksum(body) != row.number(4) || !checked_.ParseFromArray(body.data(), static_cast<int>(body.size())))
    return Verdict::kDamaged;
  const bool belongs = checked_.session_id() == stream.session.id() && checked_.incarnation() == stream.incarnation &&
                       checked_.sequence() == row.number(3);
  return belongs ? Verdict::kAsWritten : Verdict::kMisplaced;
}

v1::FetchReply JournalReader::fetch(const v1::FetchRequest& request) {
  execute(database_.get(), "BEGIN");  // one view of the file for the whole page
  try {
    auto reply = read_page(request);
    execute(database_.get(), "COMMIT");
    return reply;
  } catch (const SqliteError&) {
    for (auto* statement : {&new_streams_, &heads_, &scan_, &seek_, &lost_, &end_, &covered_})
      statement->reset();
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

v1::FetchReply JournalReader::read_page(const v1::FetchRequest& request) {
  v1::FetchReply reply;
  refresh_streams();
  const auto wanted = wanted_streams(request);
  const std::uint64_t start = start_position(request, wanted);
  if (request.after_position() == 0) add_lost(request, wanted, reply);
  const std::size_t budget =
      std::min(request.max_bytes() == 0 ? kDefaultPageBytes : request.max_bytes(), kMaxPageBytes);
  std::vector<std::uint64_t> served(streams_.size());  // highest sequence in this page, by stream
  std::size_t bytes = 0;
  int looked_at = 0;
  reply.set_next_position(start);
  scan_.bind(std::min(start, kMaxPosition));
  bool more = scan_.step();
  for (; more && bytes < budget && looked_at < kMaxScan; more = scan_.step(), ++looked_at) {
    reply.set_next_position(scan_.number(0));
    const auto id = scan_.number(1);
    if (id == 0 || id > wanted.size() || !wanted[id - 1]) continue;
    const auto body = scan_.bytes(2);
    const Verdict verdict = check(scan_, streams_[id - 1]);
    if (verdict != Verdict::kAsWritten) ++damaged_;
    if (verdict == Verdict::kMisplaced) continue;
    const std::uint64_t sequence = scan_.number(3);
    const std::uint64_t last = std::exchange(served[id - 1], sequence);
    if (sequence != last + 1) {
      const std::uint64_t below = std::max(last, accounted_below(id, sequence));
      if (below + 1 < sequence) add_range(reply, streams_[id - 1], below + 1, sequence - 1);
    }
    if (verdict == Verdict::kDamaged) {
      add_range(reply, streams_[id - 1], sequence, sequence);
      continue;
    }
    auto* record = reply.add_records();
    record->set_position(scan_.number(0));
    record->set_kind(streams_[id - 1].kind);
    record->set_message(body.data(), body.size());
    bytes += body.size();
  }
  reply.set_at_end(!more);
  scan_.reset();
  reply.set_end_position(read_number(end_));
  return reply;
}

}  // namespace trainbus
