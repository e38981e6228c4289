// One line of steps for all incarnations of a trainer: where a resumed training goes on, and what it did again.
#include "trainbus/step_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace trainbus {
namespace {

using testing::ElementsAre;
using testing::Optional;

constexpr std::uint64_t kOne = 900, kTwo = 20, kThree = 5;  // later ones have smaller numbers: they say nothing

// A trainer's records, each given to the line as it is made.
class Trainer {
 public:
  explicit Trainer(StepLine& line, std::uint64_t incarnation) : line_(line), incarnation_(incarnation) {}

  Trainer& plan(int batches_per_epoch, std::optional<std::uint64_t> first_step = {}) {
    plan_said(batches_per_epoch, first_step);
    return *this;
  }
  std::optional<StepLine::Place> plan_said(int batches_per_epoch, std::optional<std::uint64_t> first_step) {
    v1::MetricsRequest record;
    auto& config = *record.mutable_status_update()->mutable_config();
    config.set_batches_per_epoch(batches_per_epoch);
    if (first_step) config.set_first_step(*first_step);
    return line_.place(incarnation_, record);
  }
  StepLine::Place batch(int epoch, int index) {
    return *line_.place(incarnation_, batch_record(epoch, index, ++step_));
  }
  // Of a plain socket: without a step, numbered by its sequence.
  StepLine::Place plain_batch(int epoch, int index) {
    auto record = batch_record(epoch, index, 0);
    record.set_sequence(++step_);
    return *line_.place(incarnation_, record);
  }
  StepLine::Place epoch(int number, std::uint64_t step) {
    v1::MetricsRequest record;
    record.set_sequence(++epochs_);
    record.mutable_epoch_data()->set_epoch(number);
    record.mutable_epoch_data()->set_step(step);
    return *line_.place(incarnation_, record);
  }
  std::optional<StepLine::Place> values(std::uint64_t step) { return values(step, ++values_); }
  std::optional<StepLine::Place> values(std::uint64_t step, std::uint64_t sequence) {
    v1::MetricsRequest record;
    record.set_sequence(sequence);
    record.mutable_scalar_data()->set_step(step);
    return line_.place(incarnation_, record);
  }
  // Whole epochs with their ends; the last x.
  std::int64_t run(int first_epoch, int last_epoch, int batches, int first_batch = 0) {
    for (int number = first_epoch; number <= last_epoch; ++number) {
      for (int index = 0; index < batches; ++index)
        batch(number, index + first_batch);
      epoch(number, step_);
    }
    return line_.last(incarnation_);
  }
  void skip_steps(std::uint64_t count) { step_ += count; }
  std::uint64_t step() const { return step_; }

 private:
  static v1::MetricsRequest batch_record(int epoch, int index, std::uint64_t step) {
    v1::MetricsRequest record;
    auto& batch = *record.mutable_batch_data();
    batch.set_epoch(epoch);
    batch.set_batch_idx(index);
    batch.set_step(step);
    return record;
  }

  StepLine& line_;
  const std::uint64_t incarnation_;
  std::uint64_t step_ = 0, epochs_ = 0, values_ = 0;
};

class StepLineTest : public testing::Test {
 protected:
  StepLine line_;
  Trainer one_{line_, kOne}, two_{line_, kTwo}, three_{line_, kThree};
};

TEST_F(StepLineTest, ATrainingFromTheBeginningIsOverItsOwnSteps) {
  one_.plan(40);
  const auto first = one_.batch(1, 0);
  EXPECT_EQ(first.x, 1);
  EXPECT_TRUE(first.began);
  EXPECT_EQ(first.superseded_after, 0);
  EXPECT_FALSE(one_.batch(1, 1).began);
  EXPECT_THAT(line_.first_step(kOne), Optional(0));
  EXPECT_EQ(line_.last(kOne), 2);
}

TEST_F(StepLineTest, AnotherBatchSizeGoesOnWhereTheEpochsBeforeEnded) {
  EXPECT_EQ(one_.plan(40).run(1, 8, 40), 320);
  two_.plan(20);
  const auto first = two_.batch(9, 0);
  EXPECT_EQ(first.x, 321) << "and not 161, eight epochs of its own";
  EXPECT_TRUE(first.began);
  EXPECT_EQ(first.superseded_after, 320);
  EXPECT_FALSE(line_.superseded(kOne, 320)) << "nothing of epochs 5 to 8 was done again";
  EXPECT_THAT(line_.first_step(kTwo), Optional(320));
}

TEST_F(StepLineTest, OnlyWhatIsDoneAgainIsSuperseded) {
  one_.plan(40).run(1, 8, 40);
  for (int index = 0; index < 17; ++index)
    one_.batch(9, index);
  EXPECT_EQ(line_.last(kOne), 337);
  EXPECT_EQ(two_.plan(20).batch(9, 0).x, 321) << "from the checkpoint after epoch 8";
  EXPECT_FALSE(line_.superseded(kOne, 320));
  EXPECT_TRUE(line_.superseded(kOne, 321));
  EXPECT_FALSE(line_.superseded(kTwo, 321));
}

TEST_F(StepLineTest, WithinAnEpochItGoesOnAtItsBatch) {
  one_.plan(40).run(1, 2, 40);
  one_.batch(3, 0);
  EXPECT_EQ(two_.plan(40).batch(2, 25).x, 66);
  EXPECT_EQ(three_.plan(40).batch(3, 10).x, 91) << "further than anybody was, in the same epoch";
}

TEST_F(StepLineTest, MissingEpochsCountAsItsOwn) {
  one_.plan(40).run(1, 8, 40);
  EXPECT_EQ(two_.plan(20).batch(11, 0).x, 361) << "epochs 9 and 10 of 20 batches each";
}

TEST_F(StepLineTest, TheRestOfABrokenEpochIsCounted) {
  one_.plan(40).run(1, 7, 40);
  for (int index = 0; index < 20; ++index)
    one_.batch(8, index);
  EXPECT_EQ(two_.plan(20).batch(10, 0).x, 341) << "20 more of epoch 8, and epoch 9 of 20";
}

TEST_F(StepLineTest, TheThirdGoesOnFromWhoeverWasThereLast) {
  one_.plan(40).run(1, 8, 40);
  EXPECT_EQ(two_.plan(20).run(5, 10, 20), 280) << "epochs 5 to 10 again, of 20";
  EXPECT_TRUE(line_.superseded(kOne, 161));
  StepLine branch = line_;
  EXPECT_EQ(Trainer(branch, kThree).plan(10).batch(3, 0).x, 81) << "epochs 1 to 4 are those of the first";
  EXPECT_TRUE(branch.superseded(kTwo, 161));
  EXPECT_EQ(three_.plan(10).batch(9, 0).x, 241);
  EXPECT_TRUE(line_.superseded(kTwo, 241));
  EXPECT_FALSE(line_.superseded(kTwo, 240));
}

TEST_F(StepLineTest, ATrainingFromTheBeginningReplacesTheOneBefore) {
  one_.plan(40).run(1, 2, 40);
  const auto first = two_.plan(20).batch(1, 0);
  EXPECT_EQ(first.x, 1);
  EXPECT_TRUE(first.began);
  EXPECT_TRUE(line_.superseded(kOne, 1));
}

TEST_F(StepLineTest, FirstStepOfThePlanIsBelieved) {
  one_.plan(40).run(1, 8, 40);
  EXPECT_EQ(two_.plan(20, 300).batch(9, 0).x, 301);
  EXPECT_FALSE(line_.superseded(kOne, 300));
  EXPECT_TRUE(line_.superseded(kOne, 301));
  EXPECT_EQ(three_.plan(20, 0).batch(9, 0).x, 1) << "0: it begins anew";
  EXPECT_TRUE(line_.superseded(kOne, 1));
  EXPECT_TRUE(line_.superseded(kTwo, 1));
}

TEST_F(StepLineTest, TheOrderIsWhoWasHeardFirstAndNotWhoseNumberIsLarger) {
  one_.plan(10).run(1, 1, 10);
  two_.plan(10).run(2, 2, 10);
  EXPECT_THAT(line_.incarnations(), ElementsAre(kOne, kTwo));
  EXPECT_FALSE(line_.superseded(kOne, 10));
  EXPECT_EQ(one_.batch(2, 0).x, 11) << "a late record has its place";
  EXPECT_TRUE(line_.superseded(kOne, 11)) << "and is not what counts";
}

TEST_F(StepLineTest, AnOlderOneFromASpoolStandsBeforeWhoDeliversIt) {
  two_.plan(10).batch(2, 0);
  line_.hear(kOne, kTwo);
  one_.plan(10).run(1, 2, 10);
  EXPECT_THAT(line_.incarnations(), ElementsAre(kOne, kTwo));
  EXPECT_TRUE(line_.superseded(kOne, 11));
  EXPECT_FALSE(line_.superseded(kOne, 10));
  EXPECT_FALSE(line_.superseded(kTwo, 11));
}

TEST_F(StepLineTest, WithoutAnEarlierOneEpochsAreCountedByThePlan) { EXPECT_EQ(one_.plan(40).batch(5, 3).x, 164); }

TEST_F(StepLineTest, GoesOnAtTheEndWhenNobodySaysHowLongAnEpochIs) {
  one_.batch(1, 0);
  one_.batch(1, 1);
  EXPECT_EQ(two_.batch(2, 0).x, 3);
  EXPECT_EQ(StepLine(line_).last(kTwo), 3);
  StepLine alone;
  EXPECT_EQ(Trainer(alone, 1).batch(7, 0).x, 1);
}

TEST_F(StepLineTest, LearnsTheLengthOfEpochsThatNoPlanSays) {
  one_.run(1, 3, 7);
  EXPECT_EQ(two_.batch(2, 0).x, 8);
  EXPECT_EQ(three_.batch(4, 0).x, 22);
}

TEST_F(StepLineTest, KnowsEveryEpochOfATrainingWhoseBatchSizeChanges) {
  one_.plan(40).run(1, 2, 40);
  one_.plan(20).run(3, 4, 20);
  one_.plan(10).run(5, 5, 10);
  EXPECT_EQ(line_.last(kOne), 130);
  for (const auto& [epoch, x] : std::map<int, int>{{1, 1}, {2, 41}, {3, 81}, {4, 101}, {5, 121}, {6, 131}, {7, 141}}) {
    StepLine branch = line_;
    EXPECT_EQ(Trainer(branch, kTwo).plan(10).batch(epoch, 0).x, x) << "epoch " << epoch;
  }
}

TEST_F(StepLineTest, FindsAnyEpochOfTrainingsWhoseEpochsAllDiffer) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<std::int64_t> begins{0};
  for (int epoch = 1; epoch <= 50; ++epoch)
    begins.push_back(one_.run(epoch, epoch, 1 + static_cast<int>(random() % 30)));
  for (int epoch = 1; epoch <= 50; ++epoch) {
    StepLine branch = line_;
    EXPECT_EQ(Trainer(branch, kTwo).batch(epoch, 0).x, begins[static_cast<std::size_t>(epoch) - 1] + 1) << epoch;
  }
}

TEST_F(StepLineTest, EpochsFromZeroGoOnWhereTheyWere) {
  one_.plan(10);
  for (int epoch = 0; epoch < 6; ++epoch)
    for (int index = 0; index < 10; ++index)
      one_.plain_batch(epoch, index);
  EXPECT_EQ(line_.last(kOne), 60);
  two_.plan(10);
  EXPECT_EQ(two_.plain_batch(6, 0).x, 61) << "and not 51";
  for (int epoch = 6; epoch < 10; ++epoch)
    for (int index = epoch == 6 ? 1 : 0; index < 10; ++index)
      two_.plain_batch(epoch, index);
  EXPECT_EQ(line_.last(kTwo), 100);
  EXPECT_FALSE(line_.superseded(kOne, 60));
  EXPECT_EQ(line_.epoch_base(kOne), 0);
  EXPECT_EQ(line_.epoch_base(kTwo), 0) << "epoch 9 is the tenth";
}

TEST_F(StepLineTest, EpochsCountFromOneUntilAZeroIsSeen) {
  one_.batch(1, 0);
  EXPECT_EQ(line_.epoch_base(kOne), 1);
  EXPECT_EQ(line_.epoch_base(kTwo), 1) << "nobody";
  two_.plan(10).batch(0, 0);
  EXPECT_EQ(line_.epoch_base(kTwo), 0);
  EXPECT_EQ(line_.epoch_base(kOne), 1);
  EXPECT_EQ(line_.last(kTwo), 1) << "from the beginning, by another count";
  EXPECT_EQ(three_.plan(10).batch(1, 0).x, 11) << "the second epoch of a trainer that counts from 0";
}

TEST_F(StepLineTest, BatchesFromOneAreNotOneStepLate) {
  one_.plan(10);
  EXPECT_EQ(one_.batch(1, 1).x, 1);
  for (int index = 2; index <= 10; ++index)
    one_.batch(1, index);
  EXPECT_EQ(one_.run(2, 3, 10, 1), 30);
  EXPECT_EQ(two_.plan(10).batch(4, 1).x, 31);
  EXPECT_EQ(three_.plan(10).batch(2, 5).x, 15);
}

TEST_F(StepLineTest, AResumedTrainingMayBeginWithAnEpoch) {
  EXPECT_EQ(one_.plan(40).epoch(1, 40).x, 40);
  EXPECT_EQ(one_.epoch(2, 80).x, 80);
  EXPECT_EQ(two_.plan(20).epoch(3, 20).x, 100);
  EXPECT_THAT(line_.first_step(kTwo), Optional(80));
  EXPECT_FALSE(line_.superseded(kOne, 80));
}

TEST_F(StepLineTest, EpochsWithoutAnyStepAreTheSteps) {
  one_.plan(40);
  for (int epoch = 1; epoch <= 8; ++epoch)
    EXPECT_EQ(one_.epoch(epoch, 0).x, epoch);
  EXPECT_EQ(two_.plan(40).epoch(9, 0).x, 9);
  EXPECT_EQ(two_.epoch(10, 0).x, 10);
  EXPECT_FALSE(line_.superseded(kOne, 8));
}

TEST_F(StepLineTest, AnEpochWithoutAStepIsAtTheLastBatch) {
  one_.plan(3);
  for (int index = 0; index < 3; ++index)
    one_.plain_batch(1, index);
  EXPECT_EQ(one_.epoch(1, 0).x, 3) << "and not at 1, its number";
}

TEST_F(StepLineTest, StepsOfTheWholeTrainingSupersedeOnlyFromWhereTheyBegin) {
  one_.plan(40).run(1, 8, 40);
  two_.plan(40).skip_steps(300);  // counts on by itself
  EXPECT_EQ(two_.batch(8, 20).x, 301);
  EXPECT_FALSE(line_.superseded(kOne, 300));
  EXPECT_TRUE(line_.superseded(kOne, 301));
}

TEST_F(StepLineTest, APlanThatComesAfterTheFirstBatchesMovesThemToTheFirstStepItSays) {
  EXPECT_EQ(one_.plan(40).run(1, 8, 40), 320);
  for (int index = 0; index < 10; ++index)
    two_.batch(1, index);
  EXPECT_TRUE(line_.superseded(kOne, 1)) << "it seems to begin anew";
  const auto moved = two_.plan_said(40, 200);
  ASSERT_TRUE(moved);
  EXPECT_TRUE(moved->began);
  EXPECT_FALSE(moved->provisional);
  EXPECT_EQ(moved->superseded_after, 200);
  EXPECT_THAT(line_.first_step(kTwo), Optional(200));
  EXPECT_EQ(line_.last(kTwo), 210);
  EXPECT_FALSE(line_.superseded(kOne, 200));
  EXPECT_TRUE(line_.superseded(kOne, 201));
  EXPECT_EQ(two_.batch(1, 10).x, 211);
  EXPECT_FALSE(two_.plan_said(40, 200)->began) << "said again";
  three_.plan(40);
  EXPECT_EQ(three_.batch(1, 5).x, 206) << "the same place of the second: its epochs moved with it";
}

TEST_F(StepLineTest, ALatePlanThatSaysZeroBeginsAnewWhereTheEpochsSeemedToGoOn) {
  EXPECT_EQ(one_.plan(40).run(1, 8, 40), 320);
  EXPECT_EQ(two_.batch(9, 0).x, 321);
  const auto moved = two_.plan_said(40, 0);
  EXPECT_TRUE(moved && moved->began);
  EXPECT_EQ(two_.batch(9, 1).x, 2);
  EXPECT_TRUE(line_.superseded(kOne, 1));
}

TEST_F(StepLineTest, ValuesWaitForTheFirstBatchOfAResumedTraining) {
  one_.plan(40).run(1, 8, 40);
  two_.plan(20);
  EXPECT_FALSE(two_.values(0)) << "a validation before the first step";
  EXPECT_FALSE(two_.values(1));
  EXPECT_EQ(line_.first_step(kTwo), std::nullopt);
  EXPECT_FALSE(line_.superseded(kOne, 1));
  two_.batch(9, 0);
  EXPECT_EQ(two_.values(0, 1)->x, 320) << "given again: it came before the first step";
  EXPECT_EQ(two_.values(7)->x, 327);
  EXPECT_EQ(two_.values(0)->x, 327) << "without a step: at the last that was said";
  EXPECT_THAT(line_.x_of(kTwo, 0), Optional(320));
}

TEST_F(StepLineTest, ValuesBeginByThemselvesWhenTheySayTwoSteps) {
  EXPECT_FALSE(one_.values(1));
  const auto second = one_.values(2);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->began);
  EXPECT_TRUE(second->provisional);
  EXPECT_EQ(second->x, 2);
  EXPECT_EQ(one_.values(9'500)->x, 9'500);
  EXPECT_FALSE(two_.values(9'001));
  EXPECT_EQ(two_.values(9'002)->x, 9'002) << "steps that go on by themselves";
  EXPECT_FALSE(line_.superseded(kOne, 9'000));
  EXPECT_TRUE(line_.superseded(kOne, 9'001));
  EXPECT_FALSE(three_.values(1));
  EXPECT_EQ(three_.values(2)->x, 9'004) << "steps from 1 go on at the end";
}

TEST_F(StepLineTest, ValuesOfThePlansFirstStepNeedNotWait) {
  one_.plan(40).run(1, 8, 40);
  EXPECT_EQ(two_.plan(20, 320).values(0)->x, 320);
  EXPECT_EQ(two_.batch(9, 0).x, 321);
}

TEST_F(StepLineTest, AValueWithoutAnyStepIsAtItsNumber) {
  EXPECT_FALSE(one_.values(0));
  EXPECT_EQ(one_.values(0)->x, 1);
  EXPECT_EQ(one_.values(0)->x, 2);
}

TEST_F(StepLineTest, AProvisionalBeginningIsCorrectedByTheFirstBatch) {
  one_.plan(40).run(1, 8, 40);
  two_.plan(20);
  const auto place = line_.begin_at_end(kTwo);
  EXPECT_TRUE(place.provisional);
  EXPECT_EQ(place.x, 320);
  EXPECT_FALSE(line_.superseded(kOne, 320)) << "it did nothing";
  const auto first = two_.batch(5, 0);
  EXPECT_TRUE(first.began);
  EXPECT_FALSE(first.provisional);
  EXPECT_EQ(first.x, 161);
  EXPECT_TRUE(line_.superseded(kOne, 161));
  EXPECT_FALSE(line_.superseded(kOne, 160));
}

TEST_F(StepLineTest, WhatHappensBetweenStepsWaitsForTheBeginningAndStandsAtTheLastStep) {
  v1::MetricsRequest status, command;
  status.mutable_status_update()->set_status(v1::RUNNING);
  command.mutable_command()->set_applied_step(2);
  EXPECT_FALSE(line_.place(kOne, status));
  EXPECT_FALSE(line_.place(kOne, command));
  one_.plan(40).batch(2, 0);
  EXPECT_EQ(line_.place(kOne, status)->x, 41);
  EXPECT_EQ(line_.place(kOne, command)->x, 42);
  EXPECT_FALSE(line_.x_of(kTwo, 1));
}

// What a caller kept, given to another line.
StepLine restored(const StepLine& line, const std::map<std::uint64_t, std::vector<StepLine::Place>>& kept,
                  const std::map<std::uint64_t, std::int64_t>& last_batch) {
  StepLine again;
  for (const auto incarnation : line.incarnations()) {
    for (const auto& place : kept.at(incarnation)) {
      if (place.began)
        again.restore(incarnation, *line.first_step(incarnation), place.superseded_after, place.provisional);
      if (place.section) again.restore(incarnation, *place.section);
    }
    again.restore_reached(incarnation, line.last(incarnation), last_batch.at(incarnation));
  }
  return again;
}

TEST_F(StepLineTest, ARestoredLineGoesOnAsTheOneThatWasKept) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 30; ++round) {
    StepLine line;
    std::map<std::uint64_t, std::vector<StepLine::Place>> kept;
    std::map<std::uint64_t, std::int64_t> last_batch;
    int epoch = static_cast<int>(random() % 2);
    const int first_batch = static_cast<int>(random() % 2);
    for (std::uint64_t incarnation = 3; incarnation > 0; --incarnation) {
      Trainer trainer(line, incarnation);
      const int batches = 2 + static_cast<int>(random() % 20);
      trainer.plan(random() % 2 == 0 ? batches : 0);
      for (const int end = epoch + 1 + static_cast<int>(random() % 5); epoch < end; ++epoch) {
        const int these = batches + static_cast<int>(random() % 3 == 0);
        for (int index = 0; index < these; ++index) {
          kept[incarnation].push_back(trainer.batch(epoch, index + first_batch));
          last_batch[incarnation] = kept[incarnation].back().x;
        }
        kept[incarnation].push_back(trainer.epoch(epoch, trainer.step()));
      }
      epoch = std::max(first_batch, epoch - static_cast<int>(random() % 2));
    }
    auto again = restored(line, kept, last_batch);
    EXPECT_EQ(again.incarnations(), line.incarnations());
    for (std::uint64_t incarnation = 3; incarnation > 0; --incarnation) {
      EXPECT_EQ(again.last(incarnation), line.last(incarnation));
      EXPECT_EQ(again.epoch_base(incarnation), line.epoch_base(incarnation));
      for (std::int64_t x = 0; x <= line.last(incarnation); ++x)
        ASSERT_EQ(again.superseded(incarnation, x), line.superseded(incarnation, x)) << x;
    }
    for (int at = 0; at <= epoch + 1; ++at) {
      StepLine left = line, right = again;
      const auto x = Trainer(left, 77).plan(9).batch(at, first_batch).x;
      EXPECT_EQ(Trainer(right, 77).plan(9).batch(at, first_batch).x, x) << "round " << round << ", epoch " << at;
    }
  }
}

TEST_F(StepLineTest, TakesAnyRecordOfTheWire) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto number = [&]() -> std::uint64_t {
    const std::uint64_t odd[] = {0, 1, 2, 7, ~0ULL, 1ULL << 63, (1ULL << 31) - 1, 1ULL << 31, 1ULL << 53, random()};
    return odd[random() % std::size(odd)];
  };
  for (int count = 0; count < 20'000; ++count) {
    const auto incarnation = random() % 20;
    v1::MetricsRequest record;
    record.set_sequence(number());
    switch (random() % 5) {
      case 0: {
        auto& batch = *record.mutable_batch_data();
        batch.set_epoch(static_cast<std::int32_t>(number()));
        batch.set_batch_idx(static_cast<std::int32_t>(number()));
        batch.set_step(number());
        break;
      }
      case 1:
        record.mutable_epoch_data()->set_epoch(static_cast<std::int32_t>(number()));
        record.mutable_epoch_data()->set_step(number());
        break;
      case 2: record.mutable_scalar_data()->set_step(number()); break;
      case 3: record.mutable_command()->set_applied_step(number()); break;
      default: {
        auto& config = *record.mutable_status_update()->mutable_config();
        config.set_batches_per_epoch(static_cast<std::int32_t>(number()));
        if (random() % 3 == 0) config.set_first_step(number());
      }
    }
    if (random() % 50 == 0) line_.begin_at_end(incarnation);
    const auto place = line_.place(incarnation, record);
    if (!place) continue;
    ASSERT_GE(place->x, 0);
    ASSERT_LE(place->x, StepLine::kMaxX);
  }
}

TEST_F(StepLineTest, RemembersSoManySectionsAndCountsTheOthers) {
  for (int epoch = 1; epoch <= 10'000; ++epoch)
    for (int index = 0; index <= epoch % 3; ++index)
      one_.batch(epoch, index);
  EXPECT_GT(line_.forgotten_sections(), 0U);
  EXPECT_EQ(two_.batch(10'001, 0).x, line_.last(kOne) + 1);
}

}  // namespace
}  // namespace trainbus
