#include "broker/intake.hpp"

#include <gmock/gmock.h>

#include "outbox.hpp"
#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

static_assert(Outbox::Window{}.records <= Intake::kMaxUnacknowledged);

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

TEST_F(IntakeTest, WhatIsBehindAGapWaitsUntilItIsFilled) {
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

TEST_F(IntakeTest, AGapNobodyFillsIsGivenUpAndSaid) {
  offer(1, 1000);
  offer(5, 1000);
  intake_.give_up_old_gaps(1000 + Intake::kGapPatienceMs - 1, ready_, lost_);
  EXPECT_THAT(lost_, IsEmpty());
  intake_.give_up_old_gaps(1000 + Intake::kGapPatienceMs, ready_, lost_);
  ASSERT_EQ(lost_.size(), 1u);
  EXPECT_EQ(lost_[0].first, 2u);
  EXPECT_EQ(lost_[0].last, 4u);
  EXPECT_THAT(published(), ElementsAre(5));
  EXPECT_EQ(intake_.counters().lost, 3u);
}

// A turn that gives up tens of thousands of gaps would keep every record behind it waiting.
TEST_F(IntakeTest, ManyGapsAreGivenUpSomeAtATime) {
  for (std::uint64_t incarnation = 2; incarnation < 2 + Intake::kGapsAtOnce * 3 / 2; ++incarnation) {
    bool is_new = false;
    stream_ = intake_.find_or_make({v1::KIND_BATCH, {"r", "t"}}, incarnation, is_new);
    offer(2, 1000);
  }
  intake_.give_up_old_gaps(1000 + Intake::kGapPatienceMs, ready_, lost_);
  EXPECT_EQ(lost_.size(), Intake::kGapsAtOnce);
  intake_.give_up_old_gaps(1000 + Intake::kGapPatienceMs, ready_, lost_);
  EXPECT_EQ(lost_.size(), Intake::kGapsAtOnce * 3 / 2);
}

TEST_F(IntakeTest, ASequenceThatNoJournalHoldsIsRefused) {
  offer(Intake::kMaxSequence + 1, 1000);
  EXPECT_EQ(intake_.counters().impossible, 1u);
  offer(Intake::kMaxSequence, 1000);
  intake_.give_up_old_gaps(1000 + Intake::kGapPatienceMs, ready_, lost_);
  EXPECT_THAT(published(), ElementsAre(Intake::kMaxSequence));
  offer(Intake::kMaxSequence + 1);
  EXPECT_THAT(ready_, IsEmpty());
}

TEST_F(IntakeTest, AGapOfATrainerWithAnOutboxIsNeverLost) {
  intake_.note_outbox("r/t", 1);
  offer(1, 1000);
  offer(3, 1000);
  intake_.give_up_old_gaps(1000 + Intake::kGapPatienceMs, ready_, lost_);
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
  intake_.note_gone(*stream_, 4);
  offer(5, 1000);
  offer(7, 1000);
  intake_.give_up_old_gaps(1000, ready_, lost_);
  ASSERT_EQ(lost_.size(), 1u) << "there is nothing to wait for";
  EXPECT_EQ(lost_[0].first, 1u);
  EXPECT_EQ(lost_[0].last, 4u);
  EXPECT_THAT(published(), ElementsAre(5));
  intake_.give_up_old_gaps(1000 + Intake::kGapPatienceMs, ready_, lost_);
  EXPECT_EQ(lost_.size(), 1u) << "the trainer still has 6";
  EXPECT_EQ(intake_.counters().forgotten, 1u);
}

TEST_F(IntakeTest, WhatIsGoneAtTheEndIsLostThoughNothingFollows) {
  intake_.note_outbox("r/t", 1);
  offer(1);
  intake_.note_gone(*stream_, 1);
  intake_.give_up_old_gaps(1000, ready_, lost_);
  EXPECT_THAT(lost_, IsEmpty()) << "it is there";
  intake_.note_gone(*stream_, 9);
  intake_.give_up_old_gaps(1000, ready_, lost_);
  ASSERT_EQ(lost_.size(), 1u);
  EXPECT_EQ(lost_[0].first, 2u);
  EXPECT_EQ(lost_[0].last, 9u);
  intake_.give_up_old_gaps(2000, ready_, lost_);
  EXPECT_EQ(lost_.size(), 1u) << "said once";
}

TEST_F(IntakeTest, ASecondGapGetsItsOwnPatience) {
  offer(2, 1000);
  offer(4, 1000);
  offer(1, 9000);
  EXPECT_THAT(published(), ElementsAre(1, 2));
  intake_.give_up_old_gaps(1000 + Intake::kGapPatienceMs, ready_, lost_);
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
  intake_.note_outbox("r/t", 1);
  const std::string large(1 << 20, 'x');
  for (std::uint64_t sequence = 3; sequence < 103; ++sequence)
    intake_.offer(*stream_, sequence, 0, zmq::message_t(large), 0, true, ready_);
  EXPECT_LE(intake_.counters().waiting_bytes, Intake::kMaxWaitingBytes);
  EXPECT_EQ(intake_.counters().held + intake_.counters().refused, 100u);
  EXPECT_GT(intake_.counters().refused, 0u);
}

// A publisher that drops under load, and has nothing to fill its gaps from, must not have everything wait behind them.
TEST_F(IntakeTest, AStreamThatGoesOnPastAGapIsPlainAndItsGapsAreLostAtOnce) {
  offer(1);
  for (std::uint64_t sequence = 5; sequence <= 5 + Intake::kMaxUnacknowledged; ++sequence)
    offer(sequence);
  EXPECT_THAT(intake_.take_lost(), IsEmpty()) << "so much a trainer with an outbox may send";
  offer(6 + Intake::kMaxUnacknowledged);
  EXPECT_EQ(published().size(), Intake::kMaxUnacknowledged + 2);
  const auto first = intake_.take_lost();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].first, 2u);
  EXPECT_EQ(first[0].last, 4u);
  offer(20'000);
  EXPECT_THAT(published(), ElementsAre(20'000));
  ASSERT_EQ(intake_.take_lost().size(), 1u);
  EXPECT_EQ(intake_.counters().lost, 3 + 20'000 - 7 - Intake::kMaxUnacknowledged);
  EXPECT_EQ(intake_.counters().waiting_bytes, 0u);
}

TEST_F(IntakeTest, APlainStreamWithSeveralGapsLosesThemInOrder) {
  offer(2);
  offer(4);
  offer(3 + Intake::kMaxUnacknowledged);
  EXPECT_THAT(published(), ElementsAre(2, 4, 3 + Intake::kMaxUnacknowledged));
  std::vector<std::uint64_t> firsts;
  for (const auto& range : intake_.take_lost())
    firsts.push_back(range.first);
  EXPECT_THAT(firsts, ElementsAre(1, 3, 5));
}

TEST_F(IntakeTest, WhatDoesNotFitBehindAGapCountsAsGoneOn) {
  const std::string large(1 << 20, 'x');
  for (std::uint64_t sequence = 2; sequence <= 3 + Intake::kMaxUnacknowledged; ++sequence)
    intake_.offer(*stream_, sequence, 0, zmq::message_t(sequence < 80 ? large : ""), 0, true, ready_);
  EXPECT_EQ(ready_.back().sequence, 3 + Intake::kMaxUnacknowledged);
  EXPECT_EQ(intake_.counters().lost + ready_.size(), 3 + Intake::kMaxUnacknowledged);
}

TEST_F(IntakeTest, AfterAGapWasGivenUpForAgeTheNextIsLostAtOnce) {
  offer(2, 1000);
  intake_.give_up_old_gaps(1000 + Intake::kGapPatienceMs, ready_, lost_);
  offer(5);
  EXPECT_THAT(published(), ElementsAre(5));
  EXPECT_EQ(intake_.take_lost().size(), 1u);
}

TEST_F(IntakeTest, AHelloTurnsAPlainStreamIntoOneThatIsWaitedFor) {
  offer(2, 1000);
  intake_.give_up_old_gaps(1000 + Intake::kGapPatienceMs, ready_, lost_);
  intake_.note_outbox("r/t", 1);
  offer(4);
  EXPECT_THAT(ready_, IsEmpty());
  offer(3);
  EXPECT_THAT(published(), ElementsAre(3, 4));
}

TEST_F(IntakeTest, ATrainerWithAnOutboxIsWaitedForHoweverFarItIs) {
  intake_.note_outbox("r/t", 1);
  offer(2);
  offer(10 * Intake::kMaxUnacknowledged);
  EXPECT_THAT(ready_, IsEmpty());
  EXPECT_THAT(intake_.take_lost(), IsEmpty());
}

TEST_F(IntakeTest, APlainStreamGoesOnLiveWhileNothingCanBeStored) {
  offer(2, 1000);
  intake_.give_up_old_gaps(1000 + Intake::kGapPatienceMs, ready_, lost_);
  can_store_ = false;
  offer(4);
  EXPECT_THAT(published(), ElementsAre(4));
  EXPECT_THAT(to_store(), IsEmpty());
  can_store_ = true;
  offer(6);
  EXPECT_THAT(to_store(), ElementsAre(6));
  const auto lost = intake_.take_lost();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].first, 3u);
  EXPECT_EQ(lost[0].last, 5u) << "published, but nobody has it";
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

TEST_F(IntakeTest, ForgetsAnIncarnationWhenAllOfItIsStoredAndQuiet) {
  bool is_new = false;
  Stream* epochs = intake_.find_or_make({v1::KIND_EPOCH, {"r", "t"}}, 1, is_new);
  offer(1, 1);
  intake_.offer(*epochs, 1, 0, zmq::message_t(std::string("1")), 5, true, ready_);
  EXPECT_EQ(intake_.forget_quiet(5 + Intake::kQuietMs), 0u) << "nothing is stored yet";
  Intake::stored(*stream_, 1);
  EXPECT_EQ(intake_.forget_quiet(5 + Intake::kQuietMs), 0u) << "an epoch is not stored yet";
  Intake::stored(*epochs, 1);
  EXPECT_EQ(intake_.forget_quiet(4 + Intake::kQuietMs), 0u) << "not quiet for long enough";
  EXPECT_EQ(intake_.forget_quiet(5 + Intake::kQuietMs), 2u) << "as a whole";
  EXPECT_FALSE(intake_.knows({"r", "t"}, 1));
  EXPECT_EQ(intake_.streams(), 0u);
  Stream& back = intake_.restore(1, {v1::KIND_BATCH, {"r", "t"}}, 1, 1);
  ready_.clear();
  intake_.offer(back, 1, 0, zmq::message_t(std::string("1")), 0, true, ready_);
  EXPECT_THAT(ready_, IsEmpty()) << "taken before it was forgotten";
  EXPECT_EQ(intake_.find_or_make({v1::KIND_PERF, {"r", "t"}}, 1, is_new)->id, 3u) << "an id is given out once";
}

TEST_F(IntakeTest, NeverForgetsAGapNorWhatIsKnownToBeGone) {
  offer(1);
  offer(3);
  Intake::stored(*stream_, 1);
  EXPECT_EQ(intake_.forget_quiet(10 * Intake::kQuietMs), 0u);
  offer(2);
  Intake::stored(*stream_, 3);
  intake_.note_gone(*stream_, 5);
  EXPECT_EQ(intake_.forget_quiet(10 * Intake::kQuietMs), 0u);
}

TEST_F(IntakeTest, OfManyStreamsForgetsEarlierWhatIsQuiet) {
  bool is_new = false;
  for (std::uint64_t incarnation = 2; incarnation <= Intake::kManyStreams + 100; ++incarnation) {
    Stream* one = intake_.find_or_make({v1::KIND_BATCH, {"r", "t"}}, incarnation, is_new);
    ready_.clear();
    intake_.offer(*one, 1, 0, zmq::message_t(std::string("1")), 0, true, ready_);
    Intake::stored(*one, 1);
  }
  for (int turn = 0; turn < 10; ++turn)
    intake_.forget_quiet(Intake::kQuietOfManyMs);
  EXPECT_EQ(intake_.streams(), Intake::kManyStreams);
}

}  // namespace
}  // namespace trainbus
