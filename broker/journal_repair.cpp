#include "broker/journal_repair.hpp"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>

#include "broker/database_pages.hpp"
#include "broker/journal.hpp"
#include "broker/journal_files.hpp"
#include "broker/missing_records.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

namespace fs = std::filesystem;
using Progress = std::function<void(const std::string&)>;

std::int64_t number_in(const PageRow& row, std::size_t column) {
  const auto* number = std::get_if<std::int64_t>(&row.values[column]);
  return number == nullptr ? 0 : *number;
}

std::string_view text_in(const PageRow& row, std::size_t column) {
  const auto* text = std::get_if<std::string>(&row.values[column]);
  return text == nullptr ? std::string_view{} : std::string_view(*text);
}

// What the pages of a journal hold, whether a tree leads to them or not. The tables are told by their columns.
class FoundOnPages {
 public:
  FoundOnPages(const std::string& path, const Progress& progress) : pages_(path, kJournalPageBytes) {
    constexpr std::uint64_t kPagesPerLine = 16'384;  // pages
    for (std::uint64_t page = 1; page <= pages_.count(); ++page) {
      if (page % kPagesPerLine == 0) progress("page " + std::to_string(page) + " of " + std::to_string(pages_.count()));
      pages_.rows(page, [&](const PageRow& row) { take(row, page); });
    }
  }

  std::map<std::uint64_t, std::uint64_t> blocks;  // position -> page
  std::map<std::uint64_t, StreamState> streams;
  std::vector<StoreBatch::Lost> lost;
  std::vector<IncarnationRow> incarnations;
  std::uint64_t retired_through = 0;

  bool load(std::uint64_t position, Block& block) {
    bool loaded = false;
    pages_.rows(blocks.at(position), [&](const PageRow& row) {
      if (loaded || !is_block(row) || static_cast<std::uint64_t>(row.rowid) != position) return;
      data_ = text_in(row, 5);
      block.position = position;
      block.records = static_cast<std::uint64_t>(number_in(row, 1));
      block.journal_ms = number_in(row, 2);
      block.taken_in_ms = number_in(row, 3);
      block.data = data_;
      read_directory(text_in(row, 4), block);
      loaded = true;
    });
    return loaded;
  }

 private:
  static bool is_block(const PageRow& row) {
    return row.rowid > 0 && row.values.size() == 6 && text_in(row, 4).starts_with('[') && number_in(row, 1) > 0 &&
           static_cast<std::size_t>(number_in(row, 1)) <= text_in(row, 4).size();
  }
  void take(const PageRow& row, std::uint64_t page) {
    const auto columns = row.values.size();
    if (is_block(row)) blocks[static_cast<std::uint64_t>(row.rowid)] = page;
    if (row.rowid > 0 && columns == 9) take_stream(row);
    if (row.rowid == 0 && columns == 3 && text_in(row, 0).empty() && number_in(row, 0) > 0)
      lost.push_back({static_cast<std::uint64_t>(number_in(row, 0)), static_cast<std::uint64_t>(number_in(row, 1)),
                      static_cast<std::uint64_t>(number_in(row, 2))});
    if (row.rowid == 0 && columns == 5)
      if (const auto session = parse_session_id(text_in(row, 0)))
        incarnations.push_back({*session, static_cast<std::uint64_t>(number_in(row, 1)), number_in(row, 2),
                                number_in(row, 3), static_cast<Visibility>(number_in(row, 4))});
    if (columns == 2 && text_in(row, 0) == "retired")
      retired_through = std::max(retired_through, static_cast<std::uint64_t>(number_in(row, 1)));
  }
  void take_stream(const PageRow& row) {
    const auto number = [&](std::size_t column) { return static_cast<std::uint64_t>(number_in(row, column)); };
    const auto session = parse_session_id(text_in(row, 1));
    if (!session) return;
    const auto id = static_cast<std::uint64_t>(row.rowid);
    const auto state = StreamRows::verified(
        {{id, *session, number(2), kind_from_name(text_in(row, 3)), number(4)}, number(5), number(6), number(7)},
        number(8));
    if (!state) return;
    auto& newest = streams[id];  // an older one may be on a page that is free now
    if (newest.row.stream == 0 || state->row.last_sequence >= newest.row.last_sequence) newest = *state;
  }

  DatabasePages pages_;
  std::string data_;
};

// A database that may not open.
SqliteDatabase open_if_possible(const std::string& path, const Progress& progress) {
  try {
    auto database = open_sqlite(path, SQLITE_OPEN_READWRITE);
    sqlite3_wal_checkpoint_v2(database.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    Statement(database.get(), "SELECT 1 FROM blocks,segments,streams LIMIT 0").run();
    return database;
  } catch (const SqliteError& error) {
    progress(std::string(error.what()) + "; reading it page by page");
    return {};
  }
}

class Repair {
 public:
  Repair(const std::string& path, const std::string& new_path, const Progress& progress)
      : progress_(progress),
        old_(open_if_possible(path, progress)),
        pages_(path, progress),
        mark_(MarkFile(path + "-mark").read()),
        writer_(new_path, Durability::kProcess, {}, {[] { return std::int64_t{0}; }, [this] { return journal_ms_; }}) {
    if (old_) blocks_ = BlockTable(old_.get());
  }

  RepairReport run() {
    copy_others();
    copy_records();
    const auto before = batch_.lost.size();
    for (const auto& [stream, state] : pages_.streams)
      missing_.end(stream, state.row.last_sequence, batch_.lost);
    note_lost_from(before);
    flush();
    if (mark_ && mark_->position > writer_.last_position())
      report_.gone_at_the_end = mark_->position - writer_.last_position();
    writer_.checkpoint(true);
    return std::move(report_);
  }

 private:
  static constexpr std::uint64_t kBatchBytes = 4 << 20;

  void copy_others() {
    for (const auto& [stream, state] : pages_.streams) {
      batch_.new_streams.push_back(state.row);
      batch_.new_streams.back().last_sequence = 0;
      known_[stream] = state.row;
    }
    for (const auto& lost : pages_.lost) {
      missing_.know_lost(lost);
      batch_.lost.push_back(lost);
    }
    batch_.incarnations = pages_.incarnations;
    flush();
  }

  void copy_records() {
    std::map<std::uint64_t, bool> positions;  // of blocks; true: only found on a page
    for (const auto& [position, page] : pages_.blocks)
      if (position > pages_.retired_through) positions[position] = true;
    if (old_)
      for (auto at = blocks_.at_or_behind(0); at; at = blocks_.at_or_behind(*at + 1))
        positions[*at] = false;
    Block block;
    for (const auto& [position, only_on_page] : positions) {
      const bool by_tree = !only_on_page && blocks_.load(position, block);
      if (by_tree || (pages_.blocks.contains(position) && pages_.load(position, block))) copy(block, !by_tree);
      if (batch_.bytes() >= kBatchBytes) flush();
    }
  }

  void copy(const Block& block, bool from_page) {
    if (block.position <= last_position()) return;  // an older form of what is there
    if (block.journal_ms != journal_ms_) flush();
    journal_ms_ = block.journal_ms;
    auto position = block.position;
    for (const auto& entry : block.entries) {
      const auto stream = entry.row.stream;
      if (block.intact(entry) && entry.row.sequence > missing_.head(stream) && knows(stream, block.body(entry))) {
        if (position > last_position() + 1) {
          flush();
          writer_.skip_to(position - 1);
        }
        const auto before = batch_.lost.size();
        missing_.take(stream, entry.row.sequence, batch_.lost);
        note_lost_from(before);
        batch_.add(stream, entry.row.sequence, entry.row.timestamp_ms, entry.row.taken_in_ms, block.body(entry));
        ++report_.records;
        report_.found_on_pages += from_page ? 1 : 0;
      }
      ++position;
    }
  }

  // A stream whose row is gone is told by its records.
  bool knows(std::uint64_t stream, std::string_view body) {
    if (known_.contains(stream)) return true;
    const auto session = message_.ParseFromArray(body.data(), static_cast<int>(body.size()))
                             ? parse_session_id(message_.session_id())
                             : std::nullopt;
    if (!session) return false;
    known_[stream] = {stream, *session, message_.incarnation(), payload_kind(message_), 0};
    batch_.new_streams.push_back(known_[stream]);
    return true;
  }

  // What was added to the batch's lost ranges.
  void note_lost_from(std::size_t first) {
    for (auto at = first; at < batch_.lost.size(); ++at) {
      const auto& lost = batch_.lost[at];
      const auto stream = known_.find(lost.stream);
      if (stream == known_.end()) continue;
      report_.lost += lost.last_sequence - lost.first_sequence + 1;
      report_.ranges.push_back({stream->second, lost.first_sequence, lost.last_sequence});
    }
  }

  std::uint64_t last_position() const { return writer_.last_position() + batch_.rows().size(); }

  void flush() {
    writer_.append(batch_);
    writer_.checkpoint(false);
    batch_ = {};
    if (report_.records < say_at_) return;
    progress_(std::to_string(report_.records) + " records kept");
    say_at_ = report_.records + 1'000'000;
  }

  const Progress& progress_;
  SqliteDatabase old_;
  FoundOnPages pages_;
  std::optional<Mark> mark_;
  std::int64_t journal_ms_ = 0;
  JournalWriter writer_;
  BlockTable blocks_;
  StoreBatch batch_;
  MissingRecords missing_;
  std::map<std::uint64_t, StreamRow> known_;
  v1::MetricsRequest message_;
  RepairReport report_;
  std::uint64_t say_at_ = 1'000'000;
};

// A journal of another version has other pages.
void refuse_what_is_no_such_journal(const std::string& path) {
  int version = 0;
  try {
    version = journal_version(open_sqlite(path, SQLITE_OPEN_READONLY).get());
  } catch (const SqliteError&) {
    return;  // damaged where the version is
  }
  if (version == 1)
    throw std::runtime_error("'" + path +
                             "' is of version 1: start a broker on it, which keeps what can be read of it");
  if (version > kJournalVersion) throw wrong_version(path, version);
}

std::string damaged_name(const std::string& path) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char date[32];
  std::strftime(date, sizeof date, "%Y%m%d-%H%M%S", &parts);
  return path + ".damaged-" + date;
}

}  // namespace

RepairReport repair_journal(const std::string& path, const Progress& progress) {
  const std::string new_path = path + ".new";
  if (!fs::exists(path)) throw std::runtime_error("there is no journal '" + path + "'");
  remove_journal(new_path);
  refuse_what_is_no_such_journal(path);
  make_private_file(new_path);
  auto report = Repair(path, new_path, progress).run();
  if (report.records == 0 && report.lost == 0) {
    remove_journal(new_path);
    throw std::runtime_error("no record can be found in the journal '" + path +
                             "'; it is left where it is: to start without it, move it away");
  }
  report.damaged_path = damaged_name(path);
  fs::rename(path, report.damaged_path);
  for (const char* suffix : {"-wal", "-shm"})
    if (fs::exists(path + suffix)) fs::rename(path + suffix, report.damaged_path + suffix);
  put_in_place(new_path, path);
  return report;
}

}  // namespace trainbus
