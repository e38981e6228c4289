#include "broker/intake.hpp"

#include <gmock/gmock.h>

#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A small language: offer(3) says what became ready to publish and what to store.
class IntakeTest : public testing::Test {
 protected:
  IntakeTest() {
    bool is_new = false;
    stream_ = intake_.find_or_make({v1::KIND_BATCH, {"r", "t"}}, 1, is_new);
    EXPECT_TRUE(is_new);
  }
  void offer(std::uint64_t sequence, std::int64_t now_ms = 0) {
    ready_.clear();
    intake_.offer(*stream_, sequence, 0, zmq::message_t(std::to_string(sequence)), now_ms, can_store_, ready_);
  }
  std::vector<std::uint64_t> published() const { return sequences(&ReadyRecord::publish); }
  std::vector<std::uint64_t> to_store() const { return sequences(&ReadyRecord::store); }

  Intake intake_;
  Stream* stream_ = nullptr;
  std::vector<ReadyRecord> ready_;
  std::vector<LostRecords> lost_;
  bool can_store_ = true;

 private:
  std::vector<std::uint64_t> sequences(bool ReadyRecord::*flag) const {
    std::vector<std::uint64_t> found;
    for (const auto& record : ready_) {
      EXPECT_EQ(bytes_of(record.body), std::to_string(record.sequence));
      if (record.*flag) found.push_back(record.sequence);
    }
    return found;
  }
};

TEST_F(IntakeTest, WhatComesInOrderIsReadyAtOnce) {
  offer(1);
  EXPECT_THAT(published(), ElementsAre(1));
  EXPECT_THAT(to_store(), ElementsAre(1));
  offer(2);
  EXPECT_THAT(published(), ElementsAre(2));
}

TEST_F(IntakeTest, ARepeatIsDroppedAndCounted) {
  offer(1);
  offer(1);
  EXPECT_THAT(ready_, IsEmpty());
  offer(3);
  offer(3);
  EXPECT_EQ(intake_.counters().duplicates, 2u);
}

TEST_F(IntakeTest, WhatIsBehindAHoleWaitsUntilItIsFilled) {
  offer(1);
  offer(4);
  offer(3);
  EXPECT_THAT(ready_, IsEmpty());
  EXPECT_EQ(intake_.counters().waiting_bytes, 2 * (1 + Intake::kWaitingRecordBytes));
  offer(2);
  EXPECT_THAT(published(), ElementsAre(2, 3, 4));
  EXPECT_THAT(to_store(), ElementsAre(2, 3, 4));
  EXPECT_EQ(intake_.counters().waiting_bytes, 0u);
}

TEST_F(IntakeTest, AHoleNobodyFillsIsGivenUpAndSaid) {
  offer(1, 1000);
  offer(5, 1000);
  intake_.give_up_old_holes(1000 + Intake::kHolePatienceMs - 1, ready_, lost_);
  EXPECT_THAT(lost_, IsEmpty());
  intake_.give_up_old_holes(1000 + Intake::kHolePatienceMs, ready_, lost_);
  ASSERT_EQ(lost_.size(), 1u);
  EXPECT_EQ(lost_[0].first, 2u);
  EXPECT_EQ(lost_[0].last, 4u);
  EXPECT_THAT(published(), ElementsAre(5));
  EXPECT_EQ(intake_.counters().lost, 3u);
}

// A turn that gives up tens of thousands of holes would keep every record behind it waiting.
TEST_F(IntakeTest, ManyHolesAreGivenUpSomeAtATime) {
  for (std::uint64_t incarnation = 2; incarnation < 2 + Intake::kHolesAtOnce * 3 / 2; ++incarnation) {
    bool is_new = false;
    stream_ = intake_.find_or_make({v1::KIND_BATCH, {"r", "t"}}, incarnation, is_new);
    offer(2, 1000);
  }
  intake_.give_up_old_holes(1000 + Intake::kHolePatienceMs, ready_, lost_);
  EXPECT_EQ(lost_.size(), Intake::kHolesAtOnce);
  intake_.give_up_old_holes(1000 + Intake::kHolePatienceMs, ready_, lost_);
  EXPECT_EQ(lost_.size(), Intake::kHolesAtOnce * 3 / 2);
}

TEST_F(IntakeTest, ASequenceThatNoJournalHoldsIsRefused) {
  offer(Intake::kMaxSequence + 1, 1000);
  EXPECT_EQ(intake_.counters().impossible, 1u);
  offer(Intake::kMaxSequence, 1000);
  intake_.give_up_old_holes(1000 + Intake::kHolePatienceMs, ready_, lost_);
  EXPECT_THAT(published(), ElementsAre(Intake::kMaxSequence));
  offer(Intake::kMaxSequence + 1);
  EXPECT_THAT(ready_, IsEmpty());
}

TEST_F(IntakeTest, AHoleOfATrainerWithAnOutboxIsNeverLost) {
  intake_.note_outbox("r/t", 1);
  offer(1, 1000);
  offer(3, 1000);
  intake_.give_up_old_holes(1000 + Intake::kHolePatienceMs, ready_, lost_);
  EXPECT_THAT(lost_, IsEmpty());
  EXPECT_EQ(intake_.counters().waiting_bytes, 0u);
  EXPECT_EQ(intake_.counters().forgotten, 1u);
  offer(2);
  EXPECT_THAT(published(), ElementsAre(2));
  offer(3);
  EXPECT_THAT(published(), ElementsAre(3)) << "sent again, it is no duplicate";
}

TEST_F(IntakeTest, WhatATrainerHadLetGoOfAndTheJournalLostIsLost) {
  intake_.note_outbox("r/t", 1);
  Intake::note_gone(*stream_, 4);
  offer(5, 1000);
  offer(7, 1000);
  intake_.give_up_old_holes(1000, ready_, lost_);
  ASSERT_EQ(lost_.size(), 1u) << "there is nothing to wait for";
  EXPECT_EQ(lost_[0].first, 1u);
  EXPECT_EQ(lost_[0].last, 4u);
  EXPECT_THAT(published(), ElementsAre(5));
  intake_.give_up_old_holes(1000 + Intake::kHolePatienceMs, ready_, lost_);
  EXPECT_EQ(lost_.size(), 1u) << "the trainer still has 6";
  EXPECT_EQ(intake_.counters().forgotten, 1u);
}

TEST_F(IntakeTest, ASecondHoleGetsItsOwnPatience) {
  offer(2, 1000);
  offer(4, 1000);
  offer(1, 9000);
  EXPECT_THAT(published(), ElementsAre(1, 2));
  intake_.give_up_old_holes(1000 + Intake::kHolePatienceMs, ready_, lost_);
  EXPECT_THAT(lost_, IsEmpty());
}

TEST_F(IntakeTest, WhileNothingCanBeStoredLiveGoesOnAndNothingIsForgotten) {
  offer(1);
  can_store_ = false;
  offer(2);
  EXPECT_THAT(published(), ElementsAre(2));
  EXPECT_THAT(to_store(), IsEmpty());
  offer(3);
  EXPECT_THAT(published(), ElementsAre(3));
  can_store_ = true;
  offer(2);  // sent again by its trainer
  EXPECT_THAT(published(), IsEmpty()) << "it was published before";
  EXPECT_THAT(to_store(), ElementsAre(2));
  offer(3);
  EXPECT_THAT(to_store(), ElementsAre(3));
}

TEST_F(IntakeTest, TheBytesThatWaitAreBounded) {
  const std::string large(1 << 20, 'x');
  for (std::uint64_t sequence = 3; sequence < 103; ++sequence)
    intake_.offer(*stream_, sequence, 0, zmq::message_t(large), 0, true, ready_);
  EXPECT_LE(intake_.counters().waiting_bytes, Intake::kMaxWaitingBytes);
  EXPECT_EQ(intake_.counters().held + intake_.counters().refused, 100u);
  EXPECT_GT(intake_.counters().refused, 0u);
}

TEST_F(IntakeTest, GoesOnWhereTheJournalEnded) {
  Stream& restored = intake_.restore(9, {v1::KIND_EPOCH, {"r", "t"}}, 1, 7);
  intake_.offer(restored, 7, 0, zmq::message_t(1), 0, true, ready_);
  EXPECT_THAT(ready_, IsEmpty());
  intake_.offer(restored, 8, 0, zmq::message_t(std::string("8")), 0, true, ready_);
  EXPECT_THAT(published(), ElementsAre(8));
  bool is_new = false;
  EXPECT_EQ(intake_.find_or_make({v1::KIND_PERF, {"r", "t"}}, 1, is_new)->id, 10u);
}

}  // namespace
}  // namespace trainbus
