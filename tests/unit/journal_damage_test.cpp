// A journal with damaged pages: what can be read is served, in order, and what cannot is said to be lost; check finds
// the damage, and repair ends it. A page is what a disk loses.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "broker/journal.hpp"
#include "broker/journal_check.hpp"
#include "broker/journal_repair.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::uint64_t kStreams = 3;
constexpr std::uint64_t kRecords = 30'000;  // of each stream: some segments, and an open one

class JournalDamageTest : public testing::Test {
 protected:
  static std::string body(std::uint64_t stream, std::uint64_t sequence) {
    v1::MetricsRequest message;
    message.set_session_id("r/t" + std::to_string(stream));
    message.set_incarnation(7);
    message.set_sequence(sequence);
    message.mutable_batch_data()->set_batch_loss(1.0 / static_cast<double>(sequence));
    return message.SerializeAsString();
  }
  static void append(JournalWriter& writer, std::uint64_t first, std::uint64_t last) {
    StoreBatch batch;
    for (std::uint64_t stream = 1; stream <= kStreams; ++stream)
      batch.new_streams.push_back({stream, {"r", "t" + std::to_string(stream)}, 7, v1::KIND_BATCH, 0});
    for (auto sequence = first; sequence <= last; ++sequence)
      for (std::uint64_t stream = 1; stream <= kStreams; ++stream)
        batch.add(stream, sequence, 1, 2, body(stream, sequence));
    writer.append(batch);
  }
  void make_journal(std::uint64_t records = kRecords) {
    JournalWriter writer(path_, Durability::kProcess);
    constexpr std::uint64_t kAtOnce = 1000;
    for (std::uint64_t first = 1; first <= records; first += kAtOnce)
      append(writer, first, std::min(first + kAtOnce - 1, records));
  }

  // The page numbers of a table, from its root; leaves only, or the pages above them only.
  std::vector<std::uint64_t> pages_of(const std::string& table, bool leaves) {
    auto database = open_sqlite(path_, SQLITE_OPEN_READONLY);
    Statement query(database.get(), "SELECT pageno FROM dbstat WHERE name='" + table + "' AND pagetype='" +
                                        (leaves ? "leaf" : "internal") + "' ORDER BY pageno");
    std::vector<std::uint64_t> pages;
    query.each([&](const Statement& row) { pages.push_back(row.number(0)); });
    return pages;
  }
  enum class Fill { kZeros, kNoise };
  void overwrite(std::uint64_t page, Fill fill, std::uint64_t at = 0, std::uint64_t bytes = kJournalPageBytes) const {
    std::string content(bytes, '\0');
    if (fill == Fill::kNoise)
      for (std::size_t i = 0; i < content.size(); ++i)
        content[i] = static_cast<char>(i * 2654435761U >> 13);
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>((page - 1) * kJournalPageBytes + at));
    file.write(content.data(), std::ssize(content));
  }

  // What a consumer gets of each stream: each record as it was, in order; what is missing is in a range. How many are.
  std::uint64_t serve_all_but_lost(std::uint64_t records = kRecords) {
    JournalReader reader(path_);
    std::map<std::uint64_t, std::uint64_t> last;
    std::map<std::uint64_t, std::set<std::uint64_t>> served;
    std::map<std::uint64_t, std::set<std::uint64_t>> lost;
    v1::FetchRequest request;
    v1::MetricsRequest message;
    for (int pages = 0; pages < 10'000; ++pages) {
      const auto reply = reader.fetch(request);
      for (const auto& range : reply.lost()) {
        const auto stream = std::stoull(range.stream().session_id().substr(3));
        for (auto sequence = range.stream().sequence(); sequence <= range.last_sequence(); ++sequence)
          lost[stream].insert(sequence);
      }
      for (const auto& record : reply.records()) {
        EXPECT_TRUE(message.ParseFromString(record.message()));
        const auto stream = std::stoull(message.session_id().substr(3));
        EXPECT_EQ(record.message(), body(stream, message.sequence()));
        EXPECT_EQ(record.taken_in_ms(), 2);
        EXPECT_GT(message.sequence(), last[stream]) << "in order";
        last[stream] = message.sequence();
        served[stream].insert(message.sequence());
      }
      request.set_after_position(reply.next_position());
      if (reply.at_end()) break;
    }
    std::uint64_t missing = 0;
    for (std::uint64_t stream = 1; stream <= kStreams; ++stream)
      for (std::uint64_t sequence = 1; sequence <= records; ++sequence) {
        const bool is_lost = lost[stream].contains(sequence);
        missing += is_lost ? 1 : 0;
        EXPECT_NE(served[stream].contains(sequence), is_lost) << stream << ' ' << sequence;
        if (HasFailure()) return missing;
      }
    return missing;
  }

  // The broker opens it, goes on, and everything but what is lost is there, the new records too.
  std::uint64_t open_and_go_on() {
    {
      JournalWriter writer(path_, Durability::kProcess);
      append(writer, kRecords + 1, kRecords + 10);
    }
    return serve_all_but_lost(kRecords + 10);
  }
  JournalReport check() {
    return check_journal(path_, [](std::uint64_t, std::uint64_t) {});
  }
  RepairReport repair() {
    return repair_journal(path_, [](const std::string&) {});
  }
  std::uint64_t records_on_a_page() const { return 16'384 / 55; }  // of 56 bytes and more, with their entries

  test::TempDir folder_;
  const std::string path_ = folder_ / "journal.sqlite";
};

TEST_F(JournalDamageTest, APageOfRecordsCostsTheRecordsOnIt) {
  for (const auto fill : {Fill::kZeros, Fill::kNoise}) {
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + "-mark");
    make_journal();
    EXPECT_TRUE(check().clean());
    const auto leaves = pages_of("blocks", true);
    ASSERT_GT(leaves.size(), 300U);
    for (const auto leaf : {leaves[0], leaves[leaves.size() / 2], leaves[leaves.size() - 3]})
      overwrite(leaf, fill);
    const auto report = check();
    const auto lost = open_and_go_on();
    EXPECT_GT(lost, 0U);
    EXPECT_LE(lost, 3 * records_on_a_page());
    EXPECT_EQ(report.missing_positions, lost);
    EXPECT_FALSE(check().clean());
    EXPECT_EQ(repair().lost, lost);
    EXPECT_TRUE(check().clean());
    EXPECT_EQ(open_and_go_on(), lost);
  }
}

TEST_F(JournalDamageTest, AnEighthOfAPageCostsTheRecordsOnIt) {
  make_journal();
  const auto leaves = pages_of("blocks", true);
  overwrite(leaves[leaves.size() / 2], Fill::kZeros, 12'288, 2048);
  const auto lost = open_and_go_on();
  EXPECT_GT(lost, 0U);
  EXPECT_LE(lost, 2048 / 20);
}

TEST_F(JournalDamageTest, APageThatLedToRecordsCostsNoneAfterARepair) {
  for (const auto fill : {Fill::kZeros, Fill::kNoise}) {
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + "-mark");
    make_journal();
    const auto roots = pages_of("blocks", false);
    ASSERT_EQ(roots.size(), 1U);
    overwrite(roots[0], fill);
    const auto report = repair();
    EXPECT_EQ(report.lost, 0U);
    EXPECT_EQ(report.records, kStreams * kRecords);
    EXPECT_EQ(report.found_on_pages, kStreams * kRecords);
    EXPECT_TRUE(std::filesystem::exists(report.damaged_path));
    EXPECT_EQ(serve_all_but_lost(), 0U);
    EXPECT_EQ(open_and_go_on(), 0U);
  }
}

TEST_F(JournalDamageTest, APageOfAnotherTableCostsNoRecord) {
  for (const std::string table : {"segments", "streams", "sqlite_autoindex_streams_1", "lost", "state", "own"}) {
    SCOPED_TRACE(table);
    for (const auto fill : {Fill::kZeros, Fill::kNoise}) {
      std::filesystem::remove(path_);
      std::filesystem::remove(path_ + "-mark");
      make_journal();
      for (const auto leaf : pages_of(table, true))
        overwrite(leaf, fill);
      EXPECT_FALSE(check().clean());
      EXPECT_EQ(open_and_go_on(), 0U);
      EXPECT_EQ(JournalReader(path_).use({"r", "t2"}).records, kRecords + 10);
      EXPECT_EQ(JournalReader(path_).last_record(3).body, body(3, kRecords + 10));
    }
  }
}

// SQLite reads such a page without an error, and does not find on it what is there.
TEST_F(JournalDamageTest, AnIndexThatMisleadsMakesNoStreamASecondTime) {
  const auto damage = [&](std::uint64_t page, int which) {
    constexpr std::uint64_t kCellPointers = 8;
    if (which == 0) overwrite(page, Fill::kNoise, kJournalPageBytes - 15, 15);  // within a session's name
    if (which == 1) overwrite(page, Fill::kZeros, kJournalPageBytes - 60, 60);  // the entries themselves
    if (which != 2) return;
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);  // two entries change places
    const auto at = static_cast<std::streamoff>((page - 1) * kJournalPageBytes + kCellPointers);
    std::array<char, 4> pointers{};
    file.seekg(at);
    file.read(pointers.data(), pointers.size());
    std::rotate(pointers.begin(), pointers.begin() + 2, pointers.end());
    file.seekp(at);
    file.write(pointers.data(), pointers.size());
  };
  for (const int which : {0, 1, 2}) {
    SCOPED_TRACE(which);
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + "-mark");
    make_journal();
    damage(pages_of("sqlite_autoindex_streams_1", true).at(0), which);
    EXPECT_EQ(open_and_go_on(), 0U);
    auto database = open_sqlite(path_, SQLITE_OPEN_READONLY);
    Statement streams(database.get(), "SELECT count(*) FROM streams WHERE session>='r/t1' AND session<='r/t3'");
    ASSERT_TRUE(streams.step());
    EXPECT_EQ(streams.number(0), kStreams) << "found by their names";
  }
}

// Its newest page of records is among what is gone, and nothing could be added there: it is repaired by itself.
TEST_F(JournalDamageTest, AFileThatWasCutLosesWhatWasBehindTheCut) {
  make_journal();
  const auto size = std::filesystem::file_size(path_);
  std::filesystem::resize_file(path_, size - 20 * kJournalPageBytes - 1000);
  {
    JournalWriter writer(path_, Durability::kProcess);
    append(writer, kRecords + 1, kRecords + 10);
    EXPECT_GT(writer.gone_at_start(), 0U);
    EXPECT_LT(writer.gone_at_start(), 21 * records_on_a_page());
  }
  EXPECT_TRUE(check().clean());
  std::uint64_t records = 0;
  for (const auto* trainer : {"t1", "t2", "t3"})
    records += JournalReader(path_).use({"r", trainer}).records;
  EXPECT_GE(records, kStreams * (kRecords + 10) - 21 * records_on_a_page());
  EXPECT_LT(records, kStreams * (kRecords + 10));
  EXPECT_EQ(JournalReader(path_).last_record(3).body, body(3, kRecords + 10));
}

TEST_F(JournalDamageTest, ADamagedFirstPageIsRefusedWithWhatToDo) {
  for (const auto fill : {Fill::kZeros, Fill::kNoise}) {
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + "-mark");
    make_journal(3000);
    overwrite(1, fill, 0, 4096);
    try {
      JournalWriter writer(path_, Durability::kProcess);
      FAIL();
    } catch (const SqliteError& error) {
      EXPECT_NE(std::string(error.what()).find("trainbus-broker repair " + folder_.path().string()), std::string::npos)
          << error.what();
    }
    const auto report = repair();
    EXPECT_EQ(report.records, kStreams * 3000);
    EXPECT_EQ(report.lost, 0U);
    EXPECT_EQ(serve_all_but_lost(3000), 0U);
    EXPECT_TRUE(check().clean());
  }
}

TEST_F(JournalDamageTest, WhatALostWalHeldIsNoticedAtTheStart) {
  make_journal(1000);
  std::filesystem::create_directory(folder_ / "killed");
  const std::string killed = folder_ / "killed/journal.sqlite";
  {
    JournalWriter writer(path_, Durability::kProcess);
    append(writer, 1001, 1100);
    for (const char* suffix : {"", "-mark"})  // as a kill leaves them, without the -wal
      std::filesystem::copy(path_ + suffix, killed + suffix);
  }
  JournalWriter writer(killed, Durability::kProcess);
  EXPECT_EQ(writer.gone_at_start(), 100 * kStreams);
  EXPECT_EQ(writer.last_position(), 1100 * kStreams) << "their positions are not given out again";
  EXPECT_EQ(JournalWriter(folder_ / "other.sqlite", Durability::kProcess).gone_at_start(), 0U);
}

TEST_F(JournalDamageTest, RepairLeavesAFileInWhichItFindsNothing) {
  std::ofstream(path_) << std::string(100'000, 'x');
  EXPECT_THROW(repair(), std::runtime_error);
  EXPECT_EQ(std::filesystem::file_size(path_), 100'000U);
}

}  // namespace
}  // namespace trainbus
