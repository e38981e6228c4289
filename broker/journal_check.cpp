#include "broker/journal_check.hpp"

#include <algorithm>

#include "broker/block_table.hpp"
#include "broker/journal_mark.hpp"
#include "broker/journal_schema.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kMaxProblems = 100;
constexpr std::uint64_t kProgressEvery = 100'000;  // positions

// Of a later version nothing is known to be good.
SqliteDatabase opened(const std::string& path) {
  auto database = open_sqlite(path, SQLITE_OPEN_READONLY);
  if (const int version = journal_version(database.get()); version > kJournalVersion)
    throw wrong_version(path, version);
  return database;
}

class Check {
 public:
  explicit Check(const std::string& path) : path_(path), database_(opened(path)), blocks_(database_.get()) {}

  JournalReport run(const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    look_at_blocks(progress);
    look_at_segments();
    look_at_streams();
    look_at_pages();
    return std::move(report_);
  }

 private:
  void found(std::string problem) {
    if (report_.problems.size() < kMaxProblems)
      report_.problems.push_back(std::move(problem));
    else
      ++report_.problems_left_out;
  }
  void note_missing(std::uint64_t first, std::uint64_t last) {
    report_.missing_positions += last - first + 1;
    found("positions " + std::to_string(first) + ".." + std::to_string(last) + ": their page cannot be read");
  }
  void look_at_blocks(const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    const auto end = blocks_.end();
    std::uint64_t next = retired_through() + 1;
    std::uint64_t say_at = 0;
    Block block;
    for (auto at = blocks_.at_or_behind(0); at; at = blocks_.at_or_behind(*at + 1)) {
      if (!blocks_.load(*at, block)) continue;
      if (block.position > next) note_missing(next, block.position - 1);
      look_at_records(block);
      next = std::max(next, block.last_position() + 1);
      if (next < say_at) continue;
      progress(next, end);
      say_at = next + kProgressEvery;
    }
    if (end >= next) note_missing(next, end);
    const auto mark = MarkFile(path_ + "-mark").read();
    if (!mark || mark->position < next) return;
    report_.gone_at_the_end = mark->position - next + 1;
    found("the last " + std::to_string(report_.gone_at_the_end) + " records are gone: the file or its -wal lost them");
  }
  void look_at_records(const Block& block) {
    auto position = block.position;
    for (const auto& entry : block.entries) {
      if (block.intact(entry)) {
        ++report_.records;
      } else if (entry.state != BlockEntry::State::kDeleted) {
        ++report_.damaged_records;
        found("position " + std::to_string(position) + ": the record is not what was written");
      }
      ++position;
    }
  }
  void look_at_segments() {
    look_at("segments", "SELECT position,last_position,streams,checksum FROM segments ORDER BY position",
            [&](const Statement& row) {
              Segment segment;
              if (checksum_of_text(row.bytes(2)) != row.number(3) ||
                  !segment.read(row.number(0), row.number(1), row.bytes(2)))
                found("segment " + std::to_string(row.number(0)) + " is not what was written");
            });
  }
  void look_at_streams() {
    look_at("streams", std::string("SELECT ") + StreamRows::kColumns + " FROM streams", [&](const Statement& row) {
      ++report_.streams;
      if (!StreamRows::read(row)) found("stream " + std::to_string(row.number(0)) + " is not what was written");
    });
  }
  void look_at_pages() {
    look_at("pages", "PRAGMA quick_check(20)", [&](const Statement& row) {
      if (row.bytes(0) != "ok") found(std::string(row.bytes(0)));
    });
  }
  template <class Look>
  void look_at(const char* what, const std::string& sql, const Look& look) {
    try {
      Statement(database_.get(), sql).each(look);
    } catch (const SqliteError& error) {
      found(std::string(what) + ": " + error.what());
    }
  }
  std::uint64_t retired_through() {
    std::uint64_t position = 0;
    look_at("state", "SELECT value FROM state WHERE name='retired'",
            [&](const Statement& row) { position = row.number(0); });
    return position;
  }

  const std::string path_;
  SqliteDatabase database_;
  BlockTable blocks_;
  JournalReport report_;
};

}  // namespace

JournalReport check_journal(const std::string& path,
                            const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  return Check(path).run(progress);
}

}  // namespace trainbus
