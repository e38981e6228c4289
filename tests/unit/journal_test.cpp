#include "broker/journal.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "broker/journal_eraser.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

class JournalTest : public testing::Test {
 protected:
  static std::string body(std::uint64_t stream, std::uint64_t sequence) {
    v1::MetricsRequest message;
    message.set_session_id("r/t" + std::to_string(stream));
    message.set_incarnation(1);
    message.set_sequence(sequence);
    message.mutable_batch_data()->set_batch_loss(0.5);
    return message.SerializeAsString();
  }
  static std::uint64_t sequence_of(const v1::StoredRecord& record) {
    v1::MetricsRequest message;
    EXPECT_TRUE(message.ParseFromString(record.message()));
    return message.sequence();
  }
  void append(std::uint64_t stream, std::uint64_t first, std::uint64_t last, JournalWriter& writer,
              std::int64_t timestamp_ms = 0) {
    StoreBatch batch;
    batch.new_streams.push_back({stream, {"r", "t" + std::to_string(stream)}, 1, v1::KIND_BATCH, 0});
    for (auto sequence = first; sequence <= last; ++sequence)
      batch.add(stream, sequence, timestamp_ms, timestamp_ms, body(stream, sequence));
    writer.append(batch);
  }
  // The sequences of an answer, and "lost A-B" for each range.
  static std::string text(const v1::FetchReply& reply) {
    std::string text;
    for (const auto& range : reply.lost())
      text += "lost " + std::to_string(range.stream().sequence()) + '-' + std::to_string(range.last_sequence()) + ' ';
    v1::MetricsRequest message;
    for (const auto& record : reply.records()) {
      EXPECT_TRUE(message.ParseFromString(record.message()));
      text += std::to_string(message.sequence()) + ' ';
    }
    return text;
  }
  // Changes the first of these bytes in the file.
  void flip(const std::string& bytes) {
    execute(open_sqlite(path_, SQLITE_OPEN_READWRITE).get(), "PRAGMA wal_checkpoint(TRUNCATE)");
    std::string whole = file();
    const auto at = whole.find(bytes);
    ASSERT_NE(at, std::string::npos) << bytes;
    whole[at] ^= 1;
    std::fstream(path_, std::ios::binary | std::ios::in | std::ios::out).write(whole.data(), std::ssize(whole));
  }
  std::string file() const {
    std::ifstream whole(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(whole), {}};
  }
  void damage(const char* sql) { execute(open_sqlite(path_, SQLITE_OPEN_READWRITE).get(), sql); }

  test::TempDir folder_;
  const std::string path_ = folder_ / "journal.sqlite";
};

// A session is listed when its newest incarnation, in the order of hearing, is.
TEST_F(JournalTest, KnowsWhichIncarnationsAreHiddenAndHowManySessionsAreListed) {
  JournalWriter writer(path_, Durability::kProcess);
  StoreBatch batch;
  const auto hear = [&](const char* trainer, std::uint64_t incarnation, std::int64_t order, Visibility visibility) {
    batch.incarnations.push_back({{"r", trainer}, incarnation, order, 1, visibility});
  };
  hear("plain", 7, 1, Visibility::kListed);
  hear("back", 9, 1, Visibility::kArchived);  // its number is the larger one, its place the earlier one
  hear("back", 8, 2, Visibility::kListed);
  hear("away", 5, 2, Visibility::kArchived);
  hear("away", 6, 1, Visibility::kListed);
  hear("gone", 4, 1, Visibility::kDeleted);
  writer.append(batch);
  JournalReader reader(path_);
  EXPECT_EQ(reader.listed_sessions(), 2u);
  std::string hidden;
  for (const auto& row : reader.hidden_incarnations())
    hidden += row.session.trainer + ' ' + std::to_string(row.incarnation) + ' ';
  EXPECT_EQ(hidden, "away 5 back 9 gone 4 ");
}

TEST_F(JournalTest, AnswersManyQuestionsInOneViewAsOneByOne) {
  JournalWriter writer(path_, Durability::kProcess);
  for (std::uint64_t stream = 1; stream <= 500; ++stream)
    append(stream, 1, 3, writer);
  JournalReader reader(path_);
  reader.in_one_view([&] {
    append(1, 4, 4, writer);
    for (std::uint64_t stream = 500; stream > 0; --stream)
      EXPECT_EQ(reader.last_record(stream).body, body(stream, 3)) << stream;
  });
  EXPECT_EQ(reader.last_record(1).body, body(1, 4)) << "the view is over";
}

TEST_F(JournalTest, ReplaysExactlyWhatItAcknowledged) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 3, writer);
  JournalReader reader(path_);
  EXPECT_EQ(text(reader.fetch({})), "1 2 3 ");
  append(1, 4, 4, writer);
  EXPECT_EQ(text(reader.fetch({})), "1 2 3 4 ");
  EXPECT_EQ(reader.last_record(1).body, body(1, 4));
  EXPECT_EQ(reader.streams().at(0).last_sequence, 4u);
}

TEST_F(JournalTest, GoesOnAfterItWasClosed) {
  {
    JournalWriter writer(path_, Durability::kPower);
    append(1, 1, 2, writer);
  }
  JournalWriter writer(path_, Durability::kPower);
  append(1, 3, 3, writer);
  EXPECT_EQ(text(JournalReader(path_).fetch({})), "1 2 3 ");
}

TEST_F(JournalTest, StoresARecordOnce) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 3, writer);
  append(1, 2, 4, writer);
  EXPECT_EQ(text(JournalReader(path_).fetch({})), "1 2 3 4 ");
}

TEST_F(JournalTest, PagesAreInJournalOrderAndSkipWhatTheAskerHas) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 3, writer);
  append(2, 1, 3, writer);
  JournalReader reader(path_);
  v1::FetchRequest request;
  auto* head = request.add_heads();
  head->set_session_id("r/t1");
  head->set_incarnation(1);
  head->set_kind(v1::KIND_BATCH);
  head->set_sequence(3);
  request.set_max_bytes(1);
  std::string all;
  for (int page = 0; page < 10; ++page) {
    const auto reply = reader.fetch(request);
    all += text(reply);
    request.set_after_position(reply.next_position());
    if (reply.at_end()) break;
  }
  EXPECT_EQ(all, "1 2 3 ");
}

TEST_F(JournalTest, HasNothingBehindTheLargestPosition) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 3, writer);
  JournalReader reader(path_);
  for (const std::uint64_t position :
       {std::uint64_t{4}, std::uint64_t{INT64_MAX}, 1 + std::uint64_t{INT64_MAX}, UINT64_MAX}) {
    v1::FetchRequest request;
    request.set_after_position(position);
    const auto reply = reader.fetch(request);
    EXPECT_EQ(text(reply), "") << position;
    EXPECT_TRUE(reply.at_end()) << position;
    EXPECT_EQ(reply.next_position(), position);
  }
}

TEST_F(JournalTest, SaysWhatIsLostToThoseWhoMissIt) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 1, writer);
  StoreBatch batch;
  batch.lost.push_back({1, 2, 5});
  batch.add(1, 6, 0, 0, body(1, 6));
  writer.append(batch);
  JournalReader reader(path_);
  v1::FetchRequest request;
  const auto reply = reader.fetch(request);
  EXPECT_EQ(text(reply), "lost 2-5 1 6 ");
  request.set_run("other");
  EXPECT_EQ(reader.fetch(request).lost_size(), 0);
}

TEST_F(JournalTest, ARecordWithAFlippedBitIsLostAndNeverServed) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 3, writer);
  flip(body(1, 2).substr(4));
  JournalReader reader(path_);
  EXPECT_EQ(text(reader.fetch({})), "lost 2-2 1 3 ");
  EXPECT_EQ(reader.damaged(), 1u);
}

TEST_F(JournalTest, ARecordWhoseEntryIsDamagedIsLostAndTheOthersAreNot) {
  for (const char* entry : {"[1,2,0,", "1,2,0,0,", "2,0,0,"}) {
    std::filesystem::remove(path_);
    JournalWriter writer(path_, Durability::kProcess);
    append(1, 1, 4, writer);
    flip(entry);
    EXPECT_EQ(text(JournalReader(path_).fetch({})), "lost 2-2 1 3 4 ") << entry;
  }
}

TEST_F(JournalTest, HeadsAreWhatTheRecordsSay) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 3, writer);
  damage("UPDATE streams SET last_sequence=1000");
  EXPECT_EQ(JournalReader(path_).streams().at(0).last_sequence, 3u);
}

TEST_F(JournalTest, RetiresWhatIsTooOldAndSaysSo) {
  std::int64_t now_ms = 1000;
  const auto now = [&] { return now_ms; };
  JournalWriter writer(path_, Durability::kProcess, {500, 0}, {now, now});
  append(1, 1, 5, writer);
  now_ms = 2000;
  append(1, 6, 8, writer);
  EXPECT_FALSE(writer.retire());
  JournalReader reader(path_);
  EXPECT_EQ(text(reader.fetch({})), "lost 1-5 6 7 8 ");
  now_ms = 10'000;
  EXPECT_FALSE(writer.retire());
  EXPECT_EQ(text(reader.fetch({})), "lost 1-8 ");
  EXPECT_EQ(reader.streams().at(0).last_sequence, 8u) << "a retired stream still knows where it was";
  EXPECT_EQ(writer.retired(), 8u);
  append(1, 9, 9, writer);
  EXPECT_EQ(reader.fetch({}).records(0).position(), 9u) << "a position is never given out twice";
}

TEST_F(JournalTest, RetiresTheOldestPastItsSize) {
  JournalWriter writer(path_, Durability::kProcess, {0, 1'000'000});
  for (std::uint64_t i = 0; i < 40; ++i) {
    append(1, i * 1000 + 1, i * 1000 + 1000, writer);
    while (writer.retire()) {
    }
    EXPECT_LE(writer.bytes_in_use(), 1'000'000u);
  }
  const auto reply = JournalReader(path_).fetch({});
  ASSERT_EQ(reply.lost_size(), 1);
  EXPECT_EQ(reply.lost(0).last_sequence() + 1, sequence_of(reply.records(0)));
  EXPECT_GT(reply.end_position() - reply.lost(0).last_sequence(), 5'000u);
  writer.checkpoint(true);
  EXPECT_LT(std::filesystem::file_size(path_), 1'200'000u);
}

TEST_F(JournalTest, DeletesTheRecordsOfAStreamAndKeepsTheOthers) {
  JournalWriter writer(path_, Durability::kProcess);
  for (std::uint64_t i = 0; i < 60; ++i)
    for (std::uint64_t stream = 1; stream <= 3; ++stream)
      append(stream, i * 400 + 1, i * 400 + 400, writer);
  const std::uint64_t gone[] = {2};
  int steps = 1;
  JournalEraser eraser(path_);
  for (; eraser.erase(gone, 1000); ++steps) {
  }
  EXPECT_EQ(eraser.erased(), 24'000u);
  EXPECT_GT(steps, 2);
  JournalReader reader(path_);
  std::map<std::string, std::uint64_t> records;
  v1::FetchRequest request;
  v1::MetricsRequest message;
  for (bool end = false; !end;) {
    const auto reply = reader.fetch(request);
    for (const auto& record : reply.records()) {
      ASSERT_TRUE(message.ParseFromString(record.message()));
      EXPECT_EQ(message.sequence(), ++records[message.session_id()]);
    }
    if (request.after_position() == 0) {
      EXPECT_EQ(text(reply).substr(0, 13), "lost 1-24000 ");
    }
    request.set_after_position(reply.next_position());
    end = reply.at_end();
  }
  EXPECT_EQ(records, (std::map<std::string, std::uint64_t>{{"r/t1", 24'000}, {"r/t3", 24'000}}));
  EXPECT_EQ(reader.damaged(), 0u);
}

TEST_F(JournalTest, ItsHistoryIsThereForSql) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 300, writer);
  append(2, 1, 3, writer);
  auto database = open_sqlite(path_, SQLITE_OPEN_READONLY);
  Statement query(database.get(),
                  "SELECT session,kind,count(*),max(sequence),max(position) FROM history GROUP BY 1,2 ORDER BY 1");
  std::string rows;
  query.each([&](const Statement& row) {
    rows += std::string(row.bytes(0)) + ' ' + std::string(row.bytes(1)) + ' ' + std::to_string(row.integer(2)) + ' ' +
            std::to_string(row.integer(3)) + ' ' + std::to_string(row.integer(4)) + '\n';
  });
  EXPECT_EQ(rows, "r/t1 batch 300 300 300\nr/t2 batch 3 3 303\n");
  Statement bodies(database.get(), "SELECT body FROM history WHERE session='r/t2' ORDER BY position");
  std::uint64_t sequence = 0;
  bodies.each([&](const Statement& row) { EXPECT_EQ(row.bytes(0), body(2, ++sequence)); });
}

TEST_F(JournalTest, RefusesAFileThatIsNotAJournalAndNamesIt) {
  std::ofstream(path_) << std::string(4096, 'x');
  try {
    JournalWriter writer(path_, Durability::kProcess);
    FAIL();
  } catch (const SqliteError& error) {
    EXPECT_NE(std::string(error.what()).find("journal"), std::string::npos) << error.what();
  }
}

TEST_F(JournalTest, RefusesAJournalOfAnotherVersion) {
  { JournalWriter writer(path_, Durability::kProcess); }
  execute(open_sqlite(path_, SQLITE_OPEN_READWRITE).get(), "PRAGMA user_version=99");
  EXPECT_THROW(JournalWriter(path_, Durability::kProcess), SqliteError);
}

}  // namespace
}  // namespace trainbus
