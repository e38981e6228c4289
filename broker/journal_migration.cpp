#include "broker/journal_migration.hpp"

#include <spdlog/spdlog.h>
#include <zlib.h>

#include <chrono>
#include <filesystem>
#include <map>

#include "broker/journal.hpp"
#include "broker/journal_files.hpp"
#include "broker/missing_records.hpp"

namespace trainbus {
namespace {

class Migration {
 public:
  Migration(sqlite3* old, const std::string& new_path) : old_(old), writer_(new_path, Durability::kProcess) {}

  void run() {
    take_streams();
    take_lost();
    take_records();
    for (const auto& [stream, sequence] : heads_)  // what a damaged page had at a stream's end
      missing_.end(stream, sequence, batch_.lost);
    writer_.append(batch_);
    writer_.checkpoint(true);
  }

 private:
  static constexpr std::uint64_t kBatchBytes = 4 << 20;
  static constexpr auto kSayEvery = std::chrono::seconds(5);

  void take_streams() {
    Statement streams(old_, "SELECT stream,session,incarnation,kind,last_sequence FROM streams ORDER BY stream");
    streams.each([&](const Statement& row) {
      StreamRow stream{row.number(0), {}, row.number(2), kind_from_name(row.bytes(3)), 0};
      const auto session = parse_session_id(row.bytes(1));
      if (!session || stream.kind == v1::KIND_UNKNOWN) return;
      stream.session = *session;
      batch_.new_streams.push_back(stream);
      heads_[stream.stream] = row.number(4);
    });
  }
  void take_lost() {
    Statement lost(old_, "SELECT stream,first_sequence,last_sequence FROM lost ORDER BY stream,first_sequence");
    lost.each([&](const Statement& row) {
      batch_.lost.push_back({row.number(0), row.number(1), row.number(2)});
      missing_.know_lost(batch_.lost.back());
    });
  }
  void take_records() {
    Statement next(old_, "SELECT position FROM records WHERE position>=? ORDER BY position LIMIT 1");
    Statement last(old_, "SELECT ifnull(max(position),0) FROM records");
    Statement load(old_, "SELECT stream,sequence,timestamp_ms,crc,body FROM records WHERE position=?");
    last.each([&](const Statement& row) { total_ = row.number(0); });
    for (auto at = first_readable(next, 0); at; at = first_readable(next, *at + 1)) {
      if (batch_.bytes() >= kBatchBytes) hand_over();
      try {
        load.bind(*at).each([&](const Statement& row) { take(*at, row); });
      } catch (const SqliteError& error) {
        if (!is_damage(error)) throw;
      }
    }
  }
  void take(std::uint64_t position, const Statement& row) {
    const auto body = row.bytes(4);
    if (crc32_z(0, reinterpret_cast<const unsigned char*>(body.data()), body.size()) != row.number(3)) return;
    if (position > position_ + 1) {  // a number that was given out and not used, or retired
      hand_over();
      writer_.skip_to(position - 1);
    }
    position_ = position;
    missing_.take(row.number(0), row.number(1), batch_.lost);
    batch_.add(row.number(0), row.number(1), row.integer(2), taken_in_ms_, body);
  }
  void hand_over() {
    writer_.append(batch_);
    writer_.checkpoint(false);
    batch_ = {};
    const auto now = std::chrono::steady_clock::now();
    if (now - said_at_ < kSayEvery) return;
    said_at_ = now;
    spdlog::info("bringing the journal to version {}: {} of {} records", kJournalVersion, position_, total_);
  }

  sqlite3* old_;
  JournalWriter writer_;
  StoreBatch batch_;
  const std::int64_t taken_in_ms_ = unix_ms();
  std::map<std::uint64_t, std::uint64_t> heads_;  // by stream
  MissingRecords missing_;
  std::uint64_t position_ = 0;
  std::uint64_t total_ = 0;
  std::chrono::steady_clock::time_point said_at_ = std::chrono::steady_clock::now();
};

}  // namespace

void migrate_journal(const std::string& path) {
  const std::string new_path = path + ".new";
  if (!std::filesystem::exists(path)) return;
  {
    auto old = open_sqlite(path, SQLITE_OPEN_READWRITE);
    if (journal_version(old.get()) != 1) return;
    remove_journal(new_path);
    Migration(old.get(), new_path).run();
    make_one_file(old.get());
  }
  put_in_place(new_path, path);
  spdlog::info("the journal is of version {} now", kJournalVersion);
}

}  // namespace trainbus
