// A journal of version 1, as brokers wrote it, becomes one of this version at the first start, with all it had.
#include "broker/journal_migration.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>

#include "broker/journal.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr const char* kVersion1 = R"(
PRAGMA auto_vacuum=INCREMENTAL;
PRAGMA journal_mode=WAL;
CREATE TABLE streams(
  stream INTEGER PRIMARY KEY, session TEXT NOT NULL, incarnation INTEGER NOT NULL, kind TEXT NOT NULL,
  last_sequence INTEGER NOT NULL, UNIQUE(session, incarnation, kind));
CREATE TABLE records(
  position INTEGER PRIMARY KEY, stream INTEGER NOT NULL, sequence INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
  crc INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE(stream, sequence));
CREATE TABLE lost(
  stream INTEGER NOT NULL, first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
  PRIMARY KEY(stream, first_sequence)) WITHOUT ROWID;
CREATE VIEW history AS
  SELECT position, CAST(session AS TEXT) AS session, incarnation, CAST(kind AS TEXT) AS kind, sequence, timestamp_ms,
         body FROM records JOIN streams USING(stream);
PRAGMA user_version=1;
)";

class JournalMigrationTest : public testing::Test {
 protected:
  JournalMigrationTest() : old_(open_sqlite(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) {
    execute(old_.get(), kVersion1);
    execute(old_.get(), "INSERT INTO streams VALUES(1,'r/t1',7,'batch',0),(2,'r/t2',7,'batch',0)");
  }
  static std::string body(std::uint64_t stream, std::uint64_t sequence) {
    v1::MetricsRequest message;
    message.set_session_id("r/t" + std::to_string(stream));
    message.set_incarnation(7);
    message.set_sequence(sequence);
    message.mutable_batch_data()->set_batch_loss(0.25);
    return message.SerializeAsString();
  }
  void put(std::uint64_t position, std::uint64_t stream, std::uint64_t sequence) {
    const auto bytes = body(stream, sequence);
    Statement(old_.get(), "INSERT INTO records VALUES(?,?,?,?,?,?)")
        .bind(position, stream, sequence, std::uint64_t{1234},
              std::uint64_t{crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size())},
              std::string_view(bytes))
        .run();
    Statement(old_.get(), "UPDATE streams SET last_sequence=max(last_sequence,?) WHERE stream=?")
        .bind(sequence, stream)
        .run();
  }
  // "t1:3@5" a record at its position; "lost t1:1-2" a range.
  std::string migrated() {
    old_.reset();
    { JournalWriter writer(path_, Durability::kProcess); }
    std::string text;
    const auto reply = JournalReader(path_).fetch({});
    for (const auto& range : reply.lost())
      text += "lost " + range.stream().session_id().substr(2) + ':' + std::to_string(range.stream().sequence()) + '-' +
              std::to_string(range.last_sequence()) + ' ';
    for (const auto& record : reply.records()) {
      v1::MetricsRequest message;
      EXPECT_TRUE(message.ParseFromString(record.message()));
      EXPECT_GT(record.taken_in_ms(), 1'700'000'000'000) << "when it was brought over";
      text += message.session_id().substr(2) + ':' + std::to_string(message.sequence()) + '@' +
              std::to_string(record.position()) + ' ';
    }
    return text;
  }

  test::TempDir folder_;
  const std::string path_ = folder_ / "journal.sqlite";
  SqliteDatabase old_;
};

TEST_F(JournalMigrationTest, KeepsRecordsPositionsAndWhatIsLost) {
  execute(old_.get(), "INSERT INTO lost VALUES(1,1,2)");
  put(5, 1, 3);
  put(6, 2, 1);
  put(9, 1, 4);  // 7 and 8 were given out to what was there already
  EXPECT_EQ(migrated(), "lost t1:1-2 t1:3@5 t2:1@6 t1:4@9 ");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
  EXPECT_EQ(JournalReader(path_).streams().at(0).last_sequence, 4U);
}

TEST_F(JournalMigrationTest, SaysWhatItCouldNotRead) {
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence)
    put(sequence, 1, sequence);
  execute(old_.get(), "UPDATE records SET body=x'00' WHERE sequence IN (2,4)");
  EXPECT_EQ(migrated(), "lost t1:2-2 lost t1:4-4 t1:1@1 t1:3@3 ");
}

TEST_F(JournalMigrationTest, BeginsAnewAfterAKill) {
  put(1, 1, 1);
  std::filesystem::copy_file(path_, path_ + ".new");  // what a kill left half done
  EXPECT_EQ(migrated(), "t1:1@1 ");
}

TEST_F(JournalMigrationTest, LeavesAnEmptyOneEmpty) { EXPECT_EQ(migrated(), ""); }

}  // namespace
}  // namespace trainbus
