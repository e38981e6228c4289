#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <thread>
#include <utility>

#include "broker/journal.hpp"
#include "broker/journal_files.hpp"
#include "broker/journal_healing.hpp"
#include "broker/journal_migration.hpp"
#include "broker/journal_repair.hpp"

namespace trainbus {
namespace {

SqliteDatabase open_or_make(const std::string& path, Durability durability) {
  migrate_journal(path);
  auto database = open_sqlite(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int version = journal_version(database.get());
  if (version != 0 && version != kJournalVersion) throw wrong_version(path, version);
  const auto run = [&](const std::string& sql) { execute(database.get(), sql.c_str()); };
  run("PRAGMA page_size=" + std::to_string(kJournalPageBytes));  // this and the next: before the first table
  run("PRAGMA auto_vacuum=INCREMENTAL");
  run("PRAGMA journal_mode=WAL");
  run(durability == Durability::kPower ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
  run("PRAGMA wal_autocheckpoint=0");  // checkpoint() does it
  run("PRAGMA journal_size_limit=" + std::to_string(2 * JournalWriter::kCheckpointBytes));
  run("PRAGMA secure_delete=OFF");  // a retired page is not written once more
  make_journal_tables(database.get());
  heal_tables(database.get(), path);
  return database;
}

// SQLite adds records on the newest page, and reads it before; behind positions that are not in order it would not find
// them again.
bool newest_page_can_be_read(sqlite3* database) {
  bool in_order = true;
  std::uint64_t behind = 0;
  try {
    Statement(database, "SELECT position,records FROM blocks ORDER BY position DESC LIMIT 20")
        .each([&](const Statement& row) {
          const auto position = row.number(0), records = row.number(1);
          in_order = in_order && records > 0 && (behind == 0 || (position < behind && records <= behind - position));
          behind = position;
        });
    return in_order;
  } catch (const SqliteError& error) {
    if (!is_damage(error)) throw;
    return in_order && behind != 0;  // it is on another page
  }
}

// A file that is damaged where nothing can be done about it here is refused with what can be. Without its newest page
// nothing could be stored, so that is repaired at once; the old file is kept.
SqliteDatabase open_for_writing(const std::string& path, Durability durability) {
  try {
    const auto pages = restore_length(path);
    auto database = open_or_make(path, durability);
    if (pages > 0) spdlog::error("journal '{}': its last {} pages are gone; the records on them are lost", path, pages);
    if (newest_page_can_be_read(database.get())) return database;
    database.reset();
    spdlog::error("journal '{}': its newest page cannot be read; repairing it before anything is stored", path);
    const auto report = repair_journal(path, [](const std::string& line) { spdlog::info("{}", line); });
    spdlog::error("{} records kept, {} lost, {} at the end gone; the damaged file is '{}'", report.records, report.lost,
                  report.gone_at_the_end, report.damaged_path);
    return open_or_make(path, durability);
  } catch (const SqliteError& error) {
    throw_with_advice(error, path);
  }
}

int note_wal_pages(void* pages, sqlite3*, const char*, int now) {
  *static_cast<std::uint64_t*>(pages) = static_cast<std::uint64_t>(now);
  return SQLITE_OK;
}

}  // namespace

JournalWriter::JournalWriter(const std::string& path, Durability durability, Retention retention, Clocks clocks)
    : path_(path),
      database_(open_for_writing(path, durability)),
      blocks_(database_.get()),
      streams_(database_.get()),
      retention_(std::move(retention)),
      mark_(path + "-mark"),
      clock_(std::move(clocks)) {
  sqlite3* database = database_.get();
  add_block_ = Statement(database, "INSERT INTO blocks VALUES(?,?,?,?,CAST(? AS TEXT),?)");
  add_segment_ = Statement(database, "INSERT OR REPLACE INTO segments VALUES(?,?,CAST(? AS TEXT),?)");
  add_incarnation_ = Statement(database,
                               "INSERT INTO incarnations VALUES(CAST(? AS TEXT),?,?,?,?) ON CONFLICT DO UPDATE SET "
                               "visibility=excluded.visibility");
  add_lost_ = Statement(database, "INSERT OR IGNORE INTO lost VALUES(?,?,?)");
  add_own_ = Statement(database, "INSERT OR IGNORE INTO own VALUES(?,?)");
  delete_to_ = Statement(database, "DELETE FROM blocks WHERE position<=?");
  delete_segments_ = Statement(database, "DELETE FROM segments WHERE last_position<=?");
  retire_stream_ = Statement(database,
                             "INSERT INTO lost VALUES(?,1,?) ON CONFLICT(stream,first_sequence) "
                             "DO UPDATE SET last_sequence=max(last_sequence,excluded.last_sequence)");
  set_state_ = Statement(database, "INSERT OR REPLACE INTO state VALUES(CAST(? AS TEXT),?)");
  get_state_ = Statement(database, "SELECT value FROM state WHERE name=CAST(? AS TEXT)");
  pages_ = Statement(database, "PRAGMA page_count");
  free_pages_ = Statement(database, "PRAGMA freelist_count");
  sqlite3_wal_hook(database, note_wal_pages, &wal_pages_);
  read_open_segment();
  take_up_mark();
  take_up_archives();
}

void JournalWriter::take_up_mark() {
  const auto mark = mark_.read();
  Block newest;
  const auto last = blocks_.holding_or_behind(position_);
  const bool has_newest = position_ > 0 && last && blocks_.load(*last, newest);
  blocks_.release();
  if (mark)
    clock_.go_on(mark->journal_ms, mark->wall_ms, retention_.max_age_ms);
  else if (has_newest)
    clock_.go_on(newest.journal_ms, newest.taken_in_ms, retention_.max_age_ms);
  if (clock_.not_counted_ms() > JournalClock::kWorthSayingMs && retention_.max_age_ms != 0)
    spdlog::warn("the clock is {} s ahead of when the journal was last written; retention counts {} s of them",
                 (clock_.not_counted_ms() + clock_.counted_ms()) / 1000, clock_.counted_ms() / 1000);
  if (mark && mark->position > position_) {
    gone_at_start_ = mark->position - position_;
    spdlog::error(
        "the journal's last {} records are gone: '{}' or its -wal was lost or damaged. What their trainers still have "
        "comes again, the rest is said to be lost",
        gone_at_start_, sqlite3_db_filename(database_.get(), "main"));
    skip_to(mark->position);
  }
  write_mark();
}

void JournalWriter::write_mark() { mark_.write({position_, clock_.wall_ms(), clock_.now()}); }

void JournalWriter::skip_to(std::uint64_t position) {
  const bool has_blocks = blocks_.at_or_behind(0).has_value();
  begin_or_nothing([&] {
    if (has_blocks)
      add_block_.bind(position_ + 1, position - position_, clock_.now(), clock_.wall_ms(), "[]", std::string_view())
          .run();
    else
      set_state("retired", position);
    set_state("position", position);
  });
  position_ = position;
  open_.extend(position);
  if (open_.empty()) end_segment();
}

void JournalWriter::set_state(std::string_view name, std::uint64_t value) { set_state_.bind(name, value).run(); }

std::uint64_t JournalWriter::state(std::string_view name) { return read_number(get_state_.bind(name)); }

void JournalWriter::read_open_segment() {
  Statement ended(database_.get(), "SELECT last_position FROM segments ORDER BY position DESC LIMIT 1");
  open_.begin(read_number(ended) + 1);
  own_streams_.clear();
  extend_segment(blocks_, open_);
  position_ = std::max({open_.last_position(), blocks_.end(), state("position")});
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
  try {
    begin_or_nothing([&] { insert(batch, gives_way); });
    write_mark();
  } catch (const SqliteError& error) {
    try {
      read_open_segment();  // as the file has it
    } catch (const SqliteError&) {
      // The first error is the one to tell; the next append begins with the same.
    }
    throw_with_advice(error, path_);
  }
}

void JournalWriter::insert(const StoreBatch& batch, const std::function<bool()>& gives_way) {
  for (const auto& stream : batch.new_streams)
    streams_.make(stream);
  insert_rows(batch, gives_way);
  insert_others(batch);
}

void JournalWriter::insert_others(const StoreBatch& batch) {
  for (const auto& row : batch.incarnations) {
    const std::string session = row.session.id();
    add_incarnation_
        .bind(std::string_view(session), row.incarnation, row.order, row.first_heard_ms,
              static_cast<int>(row.visibility))
        .run();
  }
  for (const auto& lost : batch.lost)
    add_lost_.bind(lost.stream, lost.first_sequence, lost.last_sequence).run();
}

SegmentStream& JournalWriter::part_of(std::uint64_t stream) {
  auto* part = open_.find(stream);
  if (part == nullptr) part = &open_.add_stream(stream);
  if (!own_streams_.contains(stream)) {
    const auto state = streams_.find(stream);
    const Kind kind = state ? state->row.kind : v1::KIND_UNKNOWN;
    own_streams_[stream] = kind == v1::KIND_COMMAND || kind == v1::KIND_ALERT;
    if (state && part->records == 0) part->last_sequence = state->row.last_sequence;
  }
  return *part;
}

void JournalWriter::insert_rows(const StoreBatch& batch, const std::function<bool()>& gives_way) {
  const auto journal_ms = clock_.now();
  const auto& rows = batch.rows();
  const StoreBatch::Row* first = nullptr;  // of the block
  std::uint64_t bytes = 0;
  std::string_view data;
  const auto end_block = [&] {
    if (first == nullptr) return;
    const auto records = directory_.records();
    add_block_.bind(position_ + 1 - records, records, journal_ms, first->taken_in_ms, directory_.end(), data).run();
    first = nullptr;
    if (open_.full()) end_segment();
    if (gives_way()) std::this_thread::yield();
  };
  SegmentStream* part = nullptr;
  std::uint64_t stream = 0;
  bool own = false;
  for (const auto& row : rows) {
    if (part == nullptr || row.stream != stream) {
      stream = row.stream;
      part = &part_of(stream);
      own = own_streams_[stream];
    }
    if (row.sequence <= part->last_sequence) {  // it is there already
      end_block();
      part = nullptr;
      continue;
    }
    const auto body = batch.body(row);
    const auto checksum = record_checksum(row, body);
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (first == nullptr) {
        first = &row;
        bytes = 0;
        directory_.begin(row.taken_in_ms);
      }
      directory_.add(row, row.offset - first->offset, checksum);
      if (directory_.records() == 1 || directory_.bytes() + bytes + body.size() <= kMaxBlockBytes) break;
      directory_.drop_last();
      end_block();
      part = &part_of(stream);
    }
    bytes += body.size();
    data = {batch.body(*first).data(), bytes};
    ++position_;
    open_.add(*part, position_, row.sequence, body.size());
    if (own) add_own_.bind(stream, position_).run();
  }
  end_block();
}

void JournalWriter::end_segment() {
  for (const auto& [stream, part] : open_.streams()) {
    if (part.records == 0) continue;
    try {
      auto state = streams_.find(stream);
      if (!state) continue;
      state->row.last_sequence = std::max(state->row.last_sequence, part.last_sequence);
      state->last_position = part.last_position;
      state->records += part.records;
      state->bytes += part.bytes;
      streams_.put(*state);
    } catch (const SqliteError& error) {
      if (!is_damage(error)) throw;  // the segments tell what the row cannot
    }
  }
  const std::string text = open_.text();
  add_segment_.bind(open_.first_position(), open_.last_position(), std::string_view(text), checksum_of_text(text))
      .run();
  open_.begin(position_ + 1);
  own_streams_.clear();
}

std::uint64_t JournalWriter::bytes_in_use() {
  return (read_number(pages_) - read_number(free_pages_)) * kJournalPageBytes;
}

bool JournalWriter::give_back_space() {
  constexpr std::uint64_t kWorthIt = 64;  // pages: fewer are soon used again
  const auto free = read_number(free_pages_);
  if (free < kWorthIt || free * 10 < read_number(pages_)) return false;
  execute(database_.get(), "PRAGMA incremental_vacuum(256)");
  return true;
}

void JournalWriter::checkpoint(bool quiet) {
  if (wal_pages_ == 0 || (!quiet && wal_bytes() < kCheckpointBytes)) return;
  int in_wal = 0;
  int copied = 0;
  sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_wal, &copied);
  if (quiet && in_wal == copied) wal_pages_ = 0;
}

}  // namespace trainbus
