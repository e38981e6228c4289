// What retention leaves because an archive lacks it.
#include <gtest/gtest.h>

#include "broker/journal.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

class JournalArchiveTest : public testing::Test {
 protected:
  static constexpr std::int64_t kAge = 500;

  std::unique_ptr<JournalWriter> open(std::vector<std::string> archives) {
    const auto now = [this] { return now_ms_; };
    return std::make_unique<JournalWriter>(path_, Durability::kProcess, Retention{kAge, 0, std::move(archives)},
                                           Clocks{now, now});
  }
  static void append(JournalWriter& writer, std::uint64_t stream, std::uint64_t first, std::uint64_t last) {
    StoreBatch batch;
    batch.new_streams.push_back({stream, {"r", "t" + std::to_string(stream)}, 1, v1::KIND_BATCH, 0});
    for (auto sequence = first; sequence <= last; ++sequence) {
      v1::MetricsRequest message;
      message.set_session_id("r/t" + std::to_string(stream));
      message.set_incarnation(1);
      message.set_sequence(sequence);
      message.mutable_batch_data()->set_batch_loss(0.5);
      batch.add(stream, sequence, 0, 0, message.SerializeAsString());
    }
    writer.append(batch);
  }
  // That this archive has the streams up to these sequences.
  static v1::FetchRequest statement(const std::map<std::uint64_t, std::uint64_t>& heads, bool goes_on = false) {
    v1::FetchRequest request;
    request.set_archived_by("lab");
    request.set_after_position(goes_on ? 1 : 0);
    for (const auto& [stream, sequence] : heads) {
      auto& head = *request.add_heads();
      head.set_session_id("r/t" + std::to_string(stream));
      head.set_incarnation(1);
      head.set_kind(v1::KIND_BATCH);
      head.set_sequence(sequence);
    }
    return request;
  }
  std::uint64_t archived(const std::map<std::uint64_t, std::uint64_t>& heads) {
    return JournalReader(path_).fetch(statement(heads)).next_position();
  }

  test::TempDir dir_;
  const std::string path_ = dir_ / "journal.sqlite";
  std::int64_t now_ms_ = 1000;
};

TEST_F(JournalArchiveTest, FindsEverythingBeforeTheFirstRecordThatIsLacking) {
  const auto writer = open({"lab"});
  append(*writer, 1, 1, 4);  // positions 1 to 4
  append(*writer, 2, 1, 3);  // 5 to 7
  append(*writer, 1, 5, 6);  // 8 and 9
  EXPECT_EQ(archived({}), 0u);
  EXPECT_EQ(archived({{1, 2}}), 2u);
  EXPECT_EQ(archived({{2, 3}}), 0u);
  EXPECT_EQ(archived({{1, 6}}), 4u);
  EXPECT_EQ(archived({{1, 4}, {2, 3}}), 7u);
  EXPECT_EQ(archived({{1, 6}, {2, 2}}), 6u);
  EXPECT_EQ(archived({{1, 6}, {2, 3}}), 9u);
  EXPECT_EQ(archived({{1, 99}, {2, 99}, {3, 5}}), 9u) << "an archive may have more than the journal";
}

TEST_F(JournalArchiveTest, FindsItAcrossSegments) {
  const auto writer = open({"lab"});
  for (std::uint64_t i = 0; i < 40; ++i)
    for (std::uint64_t stream = 1; stream <= 2; ++stream)
      append(*writer, stream, i * 1000 + 1, i * 1000 + 1000);
  for (const std::uint64_t has : {1, 999, 1000, 17'500, 39'999}) {
    const auto of_first = archived({{1, has}, {2, 40'000}});
    EXPECT_EQ(of_first, has / 1000 * 2000 + has % 1000) << has;
  }
  EXPECT_EQ(archived({{1, 40'000}, {2, 40'000}}), 80'000u);
}

TEST_F(JournalArchiveTest, AStatementInPartsCountsAtItsEnd) {
  const auto writer = open({"lab"});
  append(*writer, 1, 1, 4);
  append(*writer, 2, 1, 4);
  JournalReader reader(path_);
  EXPECT_EQ(reader.fetch(statement({{1, 4}}, true)).next_position(), 0u);
  EXPECT_EQ(reader.fetch(statement({{2, 4}})).next_position(), 8u);
  EXPECT_EQ(reader.fetch(statement({{2, 4}})).next_position(), 0u) << "the next one begins anew";
}

TEST_F(JournalArchiveTest, RetiresNothingBeforeTheArchiveCame) {
  const auto writer = open({"lab"});
  append(*writer, 1, 1, 5);
  now_ms_ = 2000;
  EXPECT_FALSE(writer->retire());
  EXPECT_EQ(writer->retired(), 0u);
  EXPECT_EQ(writer->held_up(), 1u);
  EXPECT_EQ(writer->held_for_archives(), 5u);
  writer->note_archived("lab", archived({{1, 5}}));
  writer->retire();
  EXPECT_EQ(writer->retired(), 5u);
  EXPECT_EQ(writer->held_for_archives(), 0u);
}

TEST_F(JournalArchiveTest, RetiresWhatTheArchiveWithLeastHas) {
  const auto writer = open({"lab", "far"});
  append(*writer, 1, 1, 4);
  append(*writer, 1, 5, 8);
  now_ms_ = 2000;
  writer->note_archived("lab", 8);
  writer->retire();
  EXPECT_EQ(writer->retired(), 0u) << "the other never came";
  writer->note_archived("far", 5);
  writer->retire();
  EXPECT_EQ(writer->retired(), 4u) << "a block of which it has a part stays";
  writer->note_archived("far", 8);
  writer->retire();
  EXPECT_EQ(writer->retired(), 8u);
}

TEST_F(JournalArchiveTest, BytesWaitForAnArchiveToo) {
  JournalWriter writer(path_, Durability::kProcess, Retention{0, 1'000'000, {"lab"}});
  for (std::uint64_t i = 0; i < 40; ++i)
    append(writer, 1, i * 1000 + 1, i * 1000 + 1000);
  while (writer.retire()) {
  }
  EXPECT_EQ(writer.retired(), 0u);
  EXPECT_GT(writer.bytes_in_use(), 1'000'000u);
  writer.note_archived("lab", archived({{1, 40'000}}));
  while (writer.retire()) {
  }
  EXPECT_LE(writer.bytes_in_use(), 1'000'000u);
  EXPECT_EQ(writer.held_for_archives(), 0u);
}

TEST_F(JournalArchiveTest, KnowsAfterAStartHowFarAnArchiveWas) {
  {
    const auto writer = open({"lab"});
    append(*writer, 1, 1, 5);
    writer->note_archived("lab", 5);
  }
  now_ms_ = 2000;
  const auto writer = open({"lab", "far"});
  EXPECT_EQ(writer->archived(), (std::map<std::string, std::uint64_t>{{"far", 0}, {"lab", 5}}));
  writer->note_archived("far", 5);
  now_ms_ += 2000;
  writer->retire();
  EXPECT_EQ(writer->retired(), 5u);
}

TEST_F(JournalArchiveTest, WhatWasRetiredNoArchiveLacks) {
  const auto writer = open({});
  append(*writer, 1, 1, 5);
  now_ms_ = 2000;
  append(*writer, 2, 1, 2);
  writer->retire();
  EXPECT_EQ(writer->retired(), 5u);
  EXPECT_EQ(archived({{2, 1}}), 6u);
  EXPECT_EQ(archived({}), 5u);
}

}  // namespace
}  // namespace trainbus
