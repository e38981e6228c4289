#include "broker/journal.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temp_dir.hpp"
#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

class JournalTest : public testing::Test {
 protected:
  static zmq::message_t body(std::uint64_t stream, std::uint64_t sequence) {
    v1::MetricsRequest message;
    message.set_session_id("r/t" + std::to_string(stream));
    message.set_incarnation(1);
    message.set_sequence(sequence);
    message.mutable_batch_data()->set_batch_loss(0.5);
    return zmq::message_t(message.SerializeAsString());
  }
  void append(std::uint64_t stream, std::uint64_t first, std::uint64_t last, JournalWriter& writer,
              std::int64_t timestamp_ms = 0) {
    StoreBatch batch;
    batch.new_streams.push_back({stream, {"r", "t" + std::to_string(stream)}, 1, v1::KIND_BATCH, 0});
    for (auto sequence = first; sequence <= last; ++sequence)
      batch.rows.push_back({stream, sequence, timestamp_ms, body(stream, sequence)});
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
  void damage(const char* sql) { execute(open_sqlite(path_, SQLITE_OPEN_READWRITE).get(), sql); }

  test::TempDir folder_;
  const std::string path_ = folder_ / "journal.sqlite";
};

TEST_F(JournalTest, ReplaysExactlyWhatItAcknowledged) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 3, writer);
  JournalReader reader(path_);
  EXPECT_EQ(text(reader.fetch({})), "1 2 3 ");
  append(1, 4, 4, writer);
  EXPECT_EQ(text(reader.fetch({})), "1 2 3 4 ");
  EXPECT_EQ(reader.last_body(1), bytes_of(body(1, 4)));
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
  batch.rows.push_back({1, 6, 0, body(1, 6)});
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
  damage("UPDATE records SET body = CAST(substr(body,1,length(body)-1) || x'ff' AS BLOB) WHERE sequence=2");
  JournalReader reader(path_);
  EXPECT_EQ(text(reader.fetch({})), "lost 2-2 1 3 ");
  EXPECT_EQ(reader.damaged(), 1u);
}

TEST_F(JournalTest, ARecordUnderAnotherStreamIsNotServed) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 2, writer);
  append(2, 1, 1, writer);
  damage("UPDATE records SET stream=2 WHERE sequence=2");
  JournalReader reader(path_);
  EXPECT_EQ(text(reader.fetch({})), "1 1 ");
  EXPECT_EQ(reader.damaged(), 1u);
}

TEST_F(JournalTest, ARowWhoseSequenceIsDamagedIsLostThoughItsIndexIsWhole) {
  {
    JournalWriter writer(path_, Durability::kProcess);
    append(1, 1, 1, writer);
    append(2, 1, 5, writer);
  }
  std::ifstream whole(path_, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(whole), {}};
  // A row is (stream 2, sequence 3, timestamp 0, checksum, body), each number in as few bytes as it takes; 0 takes
  // none.
  const std::size_t body_at = bytes.find(body(2, 3).to_string());
  ASSERT_NE(body_at, std::string::npos);
  const std::size_t row_at = bytes.rfind("\2\3", body_at);
  ASSERT_LE(body_at - row_at, 2U + 6U);
  bytes[row_at + 1] = 7;
  std::ofstream(path_, std::ios::binary) << bytes;
  EXPECT_EQ(text(JournalReader(path_).fetch({})), "lost 3-3 1 1 2 4 5 ");
}

TEST_F(JournalTest, HeadsAreWhatTheRecordsSay) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 3, writer);
  damage("UPDATE streams SET last_sequence=1000");
  EXPECT_EQ(JournalReader(path_).streams().at(0).last_sequence, 3u);
}

TEST_F(JournalTest, RetiresWhatIsTooOldAndSaysSo) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 5, writer, 1000);
  append(1, 6, 8, writer, 2000);
  EXPECT_FALSE(writer.retire({500, 0}, 2000));
  JournalReader reader(path_);
  EXPECT_EQ(text(reader.fetch({})), "lost 1-5 6 7 8 ");
  EXPECT_FALSE(writer.retire({500, 0}, 10'000));
  EXPECT_EQ(text(reader.fetch({})), "lost 1-8 ");
  EXPECT_EQ(reader.streams().at(0).last_sequence, 8u) << "a retired stream still knows where it was";
  EXPECT_EQ(writer.retired(), 8u);
}

TEST_F(JournalTest, RetiresTheOldestPastItsSize) {
  JournalWriter writer(path_, Durability::kProcess);
  for (std::uint64_t i = 0; i < 10; ++i)
    append(1, i * 1000 + 1, i * 1000 + 1000, writer);
  const Retention retention{0, 200'000};
  for (int i = 0; i < 10 && writer.retire(retention, 0); ++i) {
  }
  JournalReader reader(path_);
  const auto reply = reader.fetch({});
  ASSERT_EQ(reply.lost_size(), 1);
  EXPECT_EQ(reply.lost(0).last_sequence() + static_cast<std::uint64_t>(reply.records_size()), 10'000u);
  EXPECT_GT(reply.records_size(), 0);
  EXPECT_LT(std::filesystem::file_size(path_), 900'000u) << "the file gave space back";
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
