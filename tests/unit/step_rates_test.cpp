// The pace of a training, as its steps show.
#include "step_rates.hpp"

#include <gtest/gtest.h>

#include "trainer_state.hpp"

namespace trainbus {
namespace {

using std::chrono::seconds;

TEST(StepRates, NothingIsSaidBeforeTwoReadings) {
  StepRates rates;
  EXPECT_FALSE(rates.perf({}).current_fps);
  rates.add({.step = 3, .trained = seconds(1)});
  const PerfMetrics perf = rates.perf({.total_epochs = 2, .batches_per_epoch = 10});
  EXPECT_FALSE(perf.current_fps || perf.average_fps || perf.time_per_batch_ms || perf.estimated_time_remaining_sec);
}

TEST(StepRates, RecentIsTheLastFiveSecondsAndAverageTheWholeRun) {
  StepRates rates;
  std::uint64_t step = 0;
  for (int second = 1; second <= 10; ++second)
    rates.add({.step = step += 10, .trained = seconds(second)});
  for (int second = 11; second <= 20; ++second)
    rates.add({.step = step += 20, .trained = seconds(second)});
  const PerfMetrics perf = rates.perf({});
  EXPECT_DOUBLE_EQ(perf.current_fps.value(), 20);
  EXPECT_DOUBLE_EQ(perf.time_per_batch_ms.value(), 50);
  EXPECT_DOUBLE_EQ(perf.average_fps.value(), 290.0 / 19);
  EXPECT_FALSE(perf.estimated_time_remaining_sec) << "no plan says how much there is to do";
  EXPECT_FALSE(perf.total_time_for_epoch_sec);
}

TEST(StepRates, AReadingWithoutANewStepChangesNothing) {
  StepRates rates;
  rates.add({.step = 1, .trained = seconds(1)});
  rates.add({.step = 2, .trained = seconds(15)});
  rates.add({.step = 2, .trained = seconds(29)});
  EXPECT_DOUBLE_EQ(rates.perf({}).current_fps.value(), 1.0 / 14);
}

TEST(StepRates, TimeLeftFollowsEpochAndBatchWhereTheyAreSaid) {
  const TrainingPlan plan{.total_epochs = 4, .batches_per_epoch = 100};
  EXPECT_EQ(batches_left(plan, {.step = 30, .epoch = 3, .batch = 49}), 150u);
  EXPECT_EQ(batches_left(plan, {.step = 30, .epoch = 0}), 370u);
  EXPECT_EQ(batches_left(plan, {.step = 30, .epoch = 9, .batch = 5}), 0u) << "more than planned";
  EXPECT_EQ(batches_left(plan, {.step = 30, .epoch = 1, .batch = 500}), 300u) << "no epoch has more than its batches";
  EXPECT_EQ(batches_left({.total_epochs = 4}, {.step = 30}), std::nullopt);
  TrainingPlan resumed = plan;
  resumed.first_step = 300;
  EXPECT_EQ(batches_left(resumed, {.step = 30, .epoch = 0}), 70u);

  StepRates rates;
  rates.add({.step = 1, .epoch = 1, .batch = 0, .trained = seconds(1)});
  rates.add({.step = 21, .epoch = 1, .batch = 20, .trained = seconds(3)});
  EXPECT_DOUBLE_EQ(rates.perf(plan).estimated_time_remaining_sec.value(), 379 / 10.0);
  EXPECT_DOUBLE_EQ(rates.perf(plan).total_time_for_epoch_sec.value(), 10);
}

TEST(Progress, APauseIsNoTrainingTime) {
  Progress progress;
  const Progress::Clock::time_point start{seconds(1000)};
  progress.step_finished(start, 1, 0);
  const StepReading before = progress.reading();
  progress.pause_changed(true, start + seconds(1));
  progress.pause_changed(false, start + seconds(61));
  progress.step_finished(start + seconds(62), 2, 7);
  const StepReading after = progress.reading();
  EXPECT_EQ(after.trained - before.trained, seconds(2));
  EXPECT_EQ(after.step, 2u);
  EXPECT_EQ(after.epoch, 2);
  EXPECT_EQ(after.batch, 7);
  EXPECT_EQ(progress.since_last_step(start + seconds(63)), seconds(1));
}

TEST(Progress, ATrainingThatSaysValuesAloneGoesOnByTheirSteps) {
  Progress progress;
  const Progress::Clock::time_point start{seconds(1000)};
  progress.value_said(10, start);
  progress.promise_until(start + seconds(90));
  progress.value_said(20, start + seconds(30));
  EXPECT_EQ(progress.since_last_step(start + seconds(31)), seconds(1));
  EXPECT_EQ(progress.promise_left(start + seconds(31)), seconds(0));
  for (const std::uint64_t old : {0, 10, 20})
    progress.value_said(old, start + seconds(60));
  EXPECT_EQ(progress.since_last_step(start + seconds(61)), seconds(31)) << "a value of a step before is no step";
  EXPECT_EQ(progress.step(), 0u) << "nor is it a batch";
}

TEST(Progress, AValueOfAFinishedStepDoesNotHideThatTheLoopHangs) {
  Progress progress;
  const Progress::Clock::time_point start{seconds(1000)};
  progress.step_finished(start, 1, 0);
  progress.value_said(1, start + seconds(20));
  EXPECT_EQ(progress.since_last_step(start + seconds(20)), seconds(20));
}

}  // namespace
}  // namespace trainbus
