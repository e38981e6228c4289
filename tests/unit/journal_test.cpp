#include "broker/journal.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

class JournalTest : public testing::Test {
 protected:
  void append(std::uint64_t stream, std::uint64_t first, std::uint64_t last, JournalWriter& writer) {
    StoreBatch batch;
    const std::string trainer = "t" + std::to_string(stream);
    batch.new_streams.push_back({stream, {"r", trainer}, 1, v1::KIND_BATCH, 0});
    for (auto sequence = first; sequence <= last; ++sequence)
      batch.rows.push_back({stream, sequence, 0, zmq::message_t(std::to_string(sequence))});
    writer.append(batch);
  }
  static std::string bodies(const v1::FetchReply& reply) {
    std::string text;
    for (const auto& record : reply.records())
      text += record.message() + ' ';
    return text;
  }

  test::TempDir folder_;
  const std::string path_ = folder_ / "journal.sqlite";
};

TEST_F(JournalTest, ReplaysExactlyWhatItAcknowledged) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 3, writer);
  JournalReader reader(path_);
  EXPECT_EQ(bodies(reader.fetch({})), "1 2 3 ");
  append(1, 4, 4, writer);
  EXPECT_EQ(bodies(reader.fetch({})), "1 2 3 4 ");
  EXPECT_EQ(reader.last_body(1), "4");
  EXPECT_EQ(reader.streams().at(0).last_sequence, 4u);
}

TEST_F(JournalTest, GoesOnAfterItWasClosed) {
  {
    JournalWriter writer(path_, Durability::kPower);
    append(1, 1, 2, writer);
  }
  JournalWriter writer(path_, Durability::kPower);
  append(1, 3, 3, writer);
  EXPECT_EQ(bodies(JournalReader(path_).fetch({})), "1 2 3 ");
}

TEST_F(JournalTest, StoresARecordOnce) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 3, writer);
  append(1, 2, 4, writer);
  EXPECT_EQ(bodies(JournalReader(path_).fetch({})), "1 2 3 4 ");
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
    all += bodies(reply);
    request.set_after_position(reply.next_position());
    if (reply.at_end()) break;
  }
  EXPECT_EQ(all, "1 2 3 ");
}

TEST_F(JournalTest, SaysWhatIsLostToThoseWhoMissIt) {
  JournalWriter writer(path_, Durability::kProcess);
  append(1, 1, 1, writer);
  StoreBatch batch;
  batch.lost.push_back({1, 2, 5});
  batch.rows.push_back({1, 6, 0, zmq::message_t(1)});
  writer.append(batch);
  JournalReader reader(path_);
  v1::FetchRequest request;
  const auto reply = reader.fetch(request);
  ASSERT_EQ(reply.lost_size(), 1);
  EXPECT_EQ(reply.lost(0).stream().sequence(), 2u);
  EXPECT_EQ(reply.lost(0).last_sequence(), 5u);
  request.set_run("other");
  EXPECT_EQ(reader.fetch(request).lost_size(), 0);
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
