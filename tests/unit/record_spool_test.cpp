// The trainer's durable outbox, without a broker: segments, the chain of them, and what another life finds.
#include "record_spool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "spool_delivery.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kSmall = 8192;

std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> all;
  for (auto number = from; number <= to; ++number)
    all.push_back(number);
  return all;
}

class RecordSpoolTest : public testing::Test {
 protected:
  std::unique_ptr<RecordSpool> life(std::uint64_t incarnation, std::size_t disk_bytes = 16 * kSmall) {
    return std::make_unique<RecordSpool>(
        TrainerLife{{"r", "t"}, incarnation}, folder_,
        RecordSpool::Limits{.disk_bytes = disk_bytes, .memory_bytes = 2 * kSmall, .segment_bytes = kSmall});
  }
  // Logs batches until one is refused, or `count`; returns how many were taken.
  static int log(RecordSpool& spool, int count) {
    for (int batch = 0; batch < count; ++batch)
      if (!spool.push({1, 1, BatchMetrics{.batch = batch}})) return batch;
    return count;
  }
  static std::vector<std::uint64_t> take(RecordSpool& spool, std::size_t count = 100'000) {
    std::vector<RecordSpool::Record> records;
    spool.take(records, count);
    std::vector<std::uint64_t> sequences;
    for (const auto& record : records) {
      v1::MetricsRequest message;
      EXPECT_TRUE(message.ParseFromArray(record.bytes.data(), static_cast<int>(record.bytes.size())));
      EXPECT_EQ(message.sequence(), record.sequence);
      sequences.push_back(record.sequence);
      last_segment_ = record.segment;
    }
    return sequences;
  }
  // What a delivery sends; all of it is acknowledged when `stored`.
  std::vector<std::uint64_t> deliver(bool stored = true) {
    SpoolDelivery delivery(folder_, std::nullopt);
    std::vector<std::uint64_t> sequences;
    std::uint64_t incarnation = 0;
    const SpoolDelivery::Clock::time_point now{};
    for (std::size_t before = 1; before != sequences.size() + 2 && !delivery.done();) {
      before = sequences.size() + 2;
      delivery.send(now, {}, [&](const std::string& topic, std::string_view bytes) {
        v1::MetricsRequest message;
        EXPECT_TRUE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
        EXPECT_EQ(topic, "batch/r/t/");
        sequences.push_back(message.sequence());
        incarnation = message.incarnation();
        return true;
      });
      if (!stored || sequences.empty()) continue;
      v1::Acknowledgment ack;
      ack.set_incarnation(incarnation);
      auto& position = *ack.add_stored();
      position.set_kind(v1::KIND_BATCH);
      position.set_sequence(sequences.back());
      delivery.acknowledge("r/t", ack, now);
      before = 0;
    }
    EXPECT_EQ(delivery.done(), stored || sequences.empty());
    return sequences;
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  test::TempDir temp_;
  const std::filesystem::path folder_ = temp_ / "a/spool";
  static inline std::uint64_t last_segment_ = 0;
};

TEST_F(RecordSpoolTest, GivesBackInOrderWhatWasLoggedAcrossSegments) {
  const auto spool = life(1);
  ASSERT_EQ(log(*spool, 500), 500);
  EXPECT_EQ(take(*spool), numbers(1, 500));
  EXPECT_GT(last_segment_, 2u);
  EXPECT_THAT(take(*spool), IsEmpty());
  EXPECT_EQ(spool->accepted()[v1::KIND_BATCH], 500u);
  EXPECT_EQ(spool->problem(), "");
  EXPECT_EQ(spool->unsafe(), 0u);
}

TEST_F(RecordSpoolTest, WritesTheSamePagesAgainWhileEverythingIsStored) {
  const auto spool = life(1);
  for (int round = 0; round < 100; ++round) {
    ASSERT_EQ(log(*spool, 10), 10);
    EXPECT_EQ(take(*spool).size(), 10u);
    spool->release(std::nullopt);
    spool->prepare();
  }
  EXPECT_EQ(last_segment_, 1u);
  EXPECT_EQ(files(), 2u);  // the lock and one segment
}

TEST_F(RecordSpoolTest, DeletesSegmentsThatAreStoredAndNoOthers) {
  const auto spool = life(1);
  log(*spool, 500);
  take(*spool);
  const auto before = files();
  spool->release(last_segment_ - 1);
  EXPECT_EQ(files(), before - (last_segment_ - 2));
  spool->release(std::nullopt);
  EXPECT_EQ(files(), 2u);
}

TEST_F(RecordSpoolTest, WhatIsNotReleasedIsReadAgainAfterItsMemoryWasGivenBack) {
  const auto spool = life(1);
  log(*spool, 400);
  spool->prepare();
  EXPECT_EQ(take(*spool), numbers(1, 400));
}

TEST_F(RecordSpoolTest, RefusesPastItsBoundAndTakesAgainWhenThereIsRoom) {
  const auto spool = life(1, 3 * kSmall);
  const int taken = log(*spool, 10'000);
  EXPECT_GT(taken, 100);
  EXPECT_LT(taken, 1000);
  EXPECT_EQ(spool->refused(), 1u);
  EXPECT_EQ(spool->problem(), "");
  EXPECT_EQ(take(*spool).size(), static_cast<std::size_t>(taken));
  spool->release(std::nullopt);
  EXPECT_EQ(log(*spool, 50), 50);
  EXPECT_EQ(take(*spool), numbers(static_cast<std::uint64_t>(taken) + 1, static_cast<std::uint64_t>(taken) + 50));
}

TEST_F(RecordSpoolTest, AFolderThatCannotBeUsedIsSaidAndRecordsStayInMemory) {
  std::filesystem::create_directories(folder_.parent_path());
  std::ofstream(folder_) << "a file";
  const auto spool = life(1);
  const int taken = log(*spool, 10'000);
  EXPECT_GT(taken, 100);
  EXPECT_EQ(spool->unsafe(), static_cast<std::uint64_t>(taken));
  EXPECT_THAT(spool->problem(), testing::HasSubstr("spool"));
  EXPECT_EQ(take(*spool).size(), static_cast<std::size_t>(taken));
}

TEST_F(RecordSpoolTest, TheNextLifeDeliversWhatADeadOneLeftAndDeletesIt) {
  auto spool = life(1);
  log(*spool, 500);
  take(*spool);
  spool->release(last_segment_);
  EXPECT_THAT(deliver(false), IsEmpty()) << "a living one's spool is its own";
  spool->end(false);
  const auto left = deliver();
  EXPECT_EQ(left.back(), 500u);
  EXPECT_EQ(left, numbers(left.front(), 500));
  EXPECT_EQ(files(), 0u);
}

TEST_F(RecordSpoolTest, LeavesNothingBehindWhenAllIsStored) {
  auto spool = life(1);
  log(*spool, 500);
  spool->end(true);
  EXPECT_EQ(files(), 0u);
  spool = life(2);
  spool.reset();
  EXPECT_EQ(files(), 0u) << "nothing was logged";
}

TEST_F(RecordSpoolTest, DeliversTheOldestLifeFirst) {
  for (const std::uint64_t incarnation : {2u, 1u, 10u}) {
    const auto spool = life(incarnation);
    for (std::uint64_t i = 0; i < incarnation; ++i)
      log(*spool, 1);
    spool->end(false);
  }
  EXPECT_THAT(deliver(), ElementsAre(1, 1, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
}

TEST_F(RecordSpoolTest, WhatIsNotAcknowledgedStays) {
  const auto spool = life(1);
  log(*spool, 20);
  spool->end(false);
  EXPECT_EQ(deliver(false), numbers(1, 20));
  EXPECT_EQ(deliver(true), numbers(1, 20));
}

// A kill in the middle of a record, at every byte of it.
TEST_F(RecordSpoolTest, ATornLastRecordIsTheEnd) {
  const auto spool = life(1);
  log(*spool, 3);
  spool->end(false);
  const auto file = TrainerLife{{"r", "t"}, 1}.segment_file(folder_, 1);
  const auto whole = std::filesystem::file_size(file);
  const auto third = (whole - SpoolSegment::kFirst) / 3;
  for (std::size_t cut = 1; cut < third; ++cut) {
    std::filesystem::resize_file(file, whole - cut);
    std::filesystem::resize_file(file, whole);  // zeros, as in a page that was reserved
    ASSERT_EQ(deliver(false), numbers(1, 2)) << cut << " bytes are missing";
  }
}

TEST_F(RecordSpoolTest, HostileFilesAreNoRecords) {
  std::filesystem::create_directories(folder_);
  const TrainerLife dead{{"r", "t"}, 1};
  std::ofstream(dead.segment_file(folder_, 1));
  std::ofstream(dead.segment_file(folder_, 2)) << "TBSPOOL1" << std::string(200, '\xff');
  std::ofstream(dead.segment_file(folder_, 3)) << "something else that is longer than a header";
  std::ofstream(folder_ / "r~t~x~1.spool") << "x";
  std::ofstream(folder_ / "~~1~1.spool") << "x";
  EXPECT_THAT(deliver(), IsEmpty());
  EXPECT_EQ(files(), 2u);  // those with names that are not ours stay
}

}  // namespace
}  // namespace trainbus
