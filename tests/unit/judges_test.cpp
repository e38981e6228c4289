// Each condition over exact sequences of records.

#include "judges.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

// Feeds one judge, and asks it.
class Asked {
 public:
  explicit Asked(const Condition& condition) : judge_(make_judge(condition)) {}

  void batch(double loss, double accuracy = 0.5) {
    v1::MetricsRequest record;
    record.mutable_batch_data()->set_step(++step_);
    record.mutable_batch_data()->set_batch_loss(loss);
    record.mutable_batch_data()->set_batch_accuracy(accuracy);
    judge_->take(record);
  }
  void batches(int count, double loss, double accuracy = 0.5) {
    for (int i = 0; i < count; ++i)
      batch(loss, accuracy);
  }
  void epoch(double loss, bool converged = false) {
    v1::MetricsRequest record;
    record.mutable_epoch_data()->set_epoch(++epoch_);
    record.mutable_epoch_data()->set_step(++step_);
    record.mutable_epoch_data()->set_average_loss(loss);
    record.mutable_epoch_data()->set_is_converged(converged);
    judge_->take(record);
  }
  // A scalars record; `with`: in a batch, which says nothing else.
  void value(const std::string& name, double value, bool with_batch = false) {
    v1::MetricsRequest record;
    if (with_batch) {
      record.mutable_batch_data()->set_step(++step_);
      (*record.mutable_batch_data()->mutable_scalars())[name] = value;
    } else {
      record.mutable_scalar_data()->set_step(++step_);
      (*record.mutable_scalar_data()->mutable_values())[name] = value;
    }
    judge_->take(record);
    view_.fold(with_batch ? v1::KIND_BATCH : v1::KIND_SCALARS, record, kNow);
  }
  void perf(double fps, double memory_mb = 0, std::int64_t at_ms = 0) {
    v1::MetricsRequest record;
    record.set_timestamp_ms(kNow + at_ms);
    record.mutable_performance_data()->set_step(++step_);
    record.mutable_performance_data()->set_current_fps(static_cast<float>(fps));
    record.mutable_performance_data()->mutable_resource_usage()->set_memory_mb(memory_mb);
    judge_->take(record);
  }
  Finding finding(bool open = false) const { return judge_->judge({view_, Liveness::kAlive, kNow}, open); }
  Finding::Answer answer(bool open = false) const { return finding(open).answer; }
  void looked() { judge_->looked(); }

 private:
  std::unique_ptr<Judge> judge_;
  TrainerView view_{{"r", "t"}};
  std::uint64_t step_ = 0;
  int epoch_ = 0;
};

Condition with(ConditionKind kind, double limit, double until, int over) {
  auto condition = default_condition(kind);
  condition.limit = limit;
  condition.until = until;
  condition.over = over;
  return condition;
}

TEST(RunningMedian, IsThatOfTheLastN) {
  RunningMedian median(3);
  EXPECT_FALSE(median.known());
  for (const double value : {9.0, 1.0, 5.0})
    median.take(value);
  EXPECT_EQ(median.median(), 5);
  median.take(0);  // 1 5 0
  EXPECT_EQ(median.median(), 1);
  median.take(0);  // 5 0 0
  EXPECT_EQ(median.median(), 0);
  EXPECT_EQ(median.count(), 3u);
}

TEST(NotFinite, RemembersTheFirstBadLossUntilItWasLookedAt) {
  Asked asked(default_condition(ConditionKind::kNotFinite));
  asked.batch(0.5);
  EXPECT_EQ(asked.answer(), Finding::kClear);
  asked.batch(std::nan(""));
  asked.batch(INFINITY);
  asked.batch(0.5);
  EXPECT_EQ(asked.finding().start, 2u);
  asked.looked();
  EXPECT_EQ(asked.answer(), Finding::kClear);
}

TEST(NotFinite, AnEpochsAverageCountsOnlyWithoutABadBatchBefore) {
  Asked asked(default_condition(ConditionKind::kNotFinite));
  asked.batch(std::nan(""));
  asked.looked();
  asked.epoch(std::nan(""));
  EXPECT_EQ(asked.answer(), Finding::kClear) << "said by its batch";
  asked.epoch(std::nan(""));
  EXPECT_EQ(asked.finding().start, 3u) << "of a batch without a record";
}

TEST(NotFinite, IsOfEveryValueThatWasSaidAndOfNoneThatWasNot) {
  using Record = v1::MetricsRequest;
  const std::pair<const char*, void (*)(Record&)> kCases[] = {
      {"validation_loss", [](Record& record) { record.mutable_epoch_data()->set_validation_loss(std::nan("")); }},
      {"validation_accuracy", [](Record& record) { record.mutable_epoch_data()->set_validation_accuracy(INFINITY); }},
      {"the accuracy", [](Record& record) { record.mutable_batch_data()->set_batch_accuracy(std::nan("")); }},
      {"learning_rate", [](Record& record) { record.mutable_batch_data()->set_learning_rate(INFINITY); }},
      {"grad_norm", [](Record& record) { (*record.mutable_batch_data()->mutable_scalars())["grad_norm"] = -INFINITY; }},
      {"fid", [](Record& record) { (*record.mutable_scalar_data()->mutable_values())["fid"] = std::nan(""); }},
  };
  for (const auto& [name, say] : kCases) {
    const auto judge = make_judge(default_condition(ConditionKind::kNotFinite));
    TrainerView view({"r", "t"});
    Record silent;
    silent.mutable_batch_data()->set_step(1);
    judge->take(silent);
    silent.mutable_epoch_data()->set_step(1);
    judge->take(silent);
    EXPECT_EQ(judge->judge({view, Liveness::kAlive, kNow}, false).answer, Finding::kClear) << "nothing was said";
    Record record;
    say(record);
    judge->take(record);
    const auto finding = judge->judge({view, Liveness::kAlive, kNow}, false);
    EXPECT_EQ(finding.answer, Finding::kHolds) << name;
    EXPECT_EQ(finding.message.substr(0, finding.message.find(" is ")), name);

    TrainerView listed({"r", "t"});  // a watcher that has just come sees it in the list
    listed.fold(payload_kind(record), record, kNow);
    EXPECT_EQ(NotFiniteJudge().judge({listed, Liveness::kAlive, kNow}, false).answer, Finding::kHolds) << name;
  }
}

TEST(NotFinite, OfOneValueLooksAtNoOther) {
  auto condition = default_condition(ConditionKind::kNotFinite);
  condition.of = "val/iou";
  Asked asked(condition);
  asked.batch(std::nan(""));
  asked.value("iou", std::nan(""));
  EXPECT_EQ(asked.answer(), Finding::kClear);
  asked.value("val/iou", std::nan(""));
  EXPECT_EQ(asked.finding().message, "val/iou is NaN at step 3");
  asked.looked();
  EXPECT_EQ(asked.answer(), Finding::kHolds) << "it is so still";
  asked.value("val/iou", 0.5);
  EXPECT_EQ(asked.answer(), Finding::kClear);
}

TEST(LossSpike, OfANamedValueTakesItFromWhicheverRecordSaysIt) {
  auto condition = with(ConditionKind::kLossSpike, 3, 3, 8);
  condition.of = "val/perplexity";
  Asked asked(condition);
  asked.batches(20, 1000);
  EXPECT_EQ(asked.answer(), Finding::kUnknown);
  for (int i = 0; i < 4; ++i)
    asked.value("val/perplexity", 10, i % 2 == 0);
  asked.value("val/perplexity", 40);
  EXPECT_EQ(asked.finding().message, "val/perplexity is 40 at step 25, 4 x the median 10");
  EXPECT_EQ(asked.answer(), Finding::kHolds);
}

TEST(Threshold, HoldsBeyondItsLimitAlsoBetweenTwoLooksAndEndsAtItsOther) {
  auto condition = default_condition(ConditionKind::kThreshold);
  condition.of = "grad_norm";
  condition.limit = 100;
  condition.until = 50;
  Asked asked(condition);
  EXPECT_EQ(asked.answer(), Finding::kUnknown);
  asked.value("grad_norm", 100);
  EXPECT_EQ(asked.answer(), Finding::kClear);
  asked.value("grad_norm", INFINITY);
  asked.value("grad_norm", 60);
  EXPECT_EQ(asked.finding().message, "grad_norm is Infinity at step 2");
  EXPECT_EQ(asked.answer(), Finding::kHolds);
  asked.looked();
  EXPECT_EQ(asked.answer(true), Finding::kHolds) << "60 is above 50";
  EXPECT_EQ(asked.answer(false), Finding::kClear);
  condition.below = true;
  condition.limit = condition.until = 0.5;
  Asked below(condition);
  below.value("grad_norm", 0.4);
  EXPECT_EQ(below.answer(), Finding::kHolds);
  below.value("grad_norm", std::nan(""));
  EXPECT_EQ(below.finding().start, 1u) << "NaN is neither above nor below";
}

TEST(Plateau, OfANamedValueCountsHowOftenItWasSaidAndHigherMayBeBetter) {
  auto condition = default_condition(ConditionKind::kPlateau);
  condition.of = "reward";
  condition.over = 2;
  condition.over_values = true;
  condition.improvement = 0.1;
  condition.higher_is_better = true;
  Asked asked(condition);
  for (const double reward : {1.0, 2.0, 2.1})
    asked.value("reward", reward);
  EXPECT_EQ(asked.answer(), Finding::kClear);
  asked.value("reward", 1);
  EXPECT_EQ(asked.finding().message, "reward is 1, the best was 2 at step 2, 2 values ago");
  EXPECT_EQ(asked.answer(), Finding::kHolds);
  asked.value("reward", 2.3);
  EXPECT_EQ(asked.answer(), Finding::kClear);
}

TEST(LossSpike, NeedsAQuarterOfItsWindowThenComparesWithTheMedianBefore) {
  Asked asked(with(ConditionKind::kLossSpike, 3, 1.5, 8));
  asked.batch(1);
  asked.batch(100);
  EXPECT_EQ(asked.answer(), Finding::kUnknown) << "a median of one value says nothing";
  asked.batches(6, 1);
  EXPECT_EQ(asked.answer(), Finding::kClear);
  asked.batch(3.1);
  EXPECT_EQ(asked.answer(), Finding::kHolds);
  EXPECT_EQ(asked.finding().start, 9u);
  EXPECT_EQ(asked.finding().message, "the loss is 3.1 at step 9, 3.1 x the median 1");
}

TEST(LossSpike, APeakBetweenTwoLooksHoldsOnceAndAnOpenOneEndsBelowItsLowerLimit) {
  Asked asked(with(ConditionKind::kLossSpike, 3, 1.5, 8));
  asked.batches(8, 1);
  asked.batch(4);
  asked.batch(2);
  EXPECT_EQ(asked.answer(), Finding::kHolds);
  asked.looked();
  EXPECT_EQ(asked.answer(true), Finding::kHolds) << "2 is above 1.5";
  EXPECT_EQ(asked.answer(false), Finding::kClear) << "and below 3";
  asked.batch(1.4);
  EXPECT_EQ(asked.answer(true), Finding::kClear);
}

TEST(LossSpike, ANewLevelBecomesTheMedianAndWhatIsNotFiniteIsLeftOut) {
  Asked asked(with(ConditionKind::kLossSpike, 3, 3, 8));
  asked.batches(8, 1);
  asked.batch(std::nan(""));
  EXPECT_EQ(asked.answer(), Finding::kClear);
  asked.batches(4, 10);
  asked.looked();
  EXPECT_EQ(asked.answer(), Finding::kHolds);
  asked.batches(2, 10);
  asked.looked();
  EXPECT_EQ(asked.answer(), Finding::kClear);
}

TEST(Plateau, HoldsAfterSoManyEpochsWithoutTheImprovementAndEndsWithOne) {
  auto condition = default_condition(ConditionKind::kPlateau);
  condition.over = 3;
  condition.improvement = 0.1;
  Asked asked(condition);
  EXPECT_EQ(asked.answer(), Finding::kUnknown);
  for (const double loss : {1.0, 0.5, 0.46, 0.48})
    asked.epoch(loss);
  EXPECT_EQ(asked.answer(), Finding::kClear) << "two epochs since 0.5";
  asked.epoch(std::nan(""));
  EXPECT_EQ(asked.answer(), Finding::kClear) << "not finite is not a value";
  asked.epoch(0.455);
  EXPECT_EQ(asked.answer(), Finding::kHolds);
  EXPECT_EQ(asked.finding().start, 2u) << "the step of the best one";
  asked.epoch(0.44);
  EXPECT_EQ(asked.answer(true), Finding::kClear);
}

TEST(Plateau, OfBatchesComparesMeansOfBlocks) {
  auto condition = default_condition(ConditionKind::kPlateau);
  condition.over = 4;
  condition.over_batches = true;
  Asked asked(condition);
  asked.batches(3, 1);
  EXPECT_EQ(asked.answer(), Finding::kUnknown);
  asked.batch(1);
  asked.batches(4, 0.5);
  EXPECT_EQ(asked.answer(), Finding::kClear);
  asked.batches(3, 0.1);
  asked.batch(1.7);  // a mean of 0.5
  EXPECT_EQ(asked.answer(), Finding::kHolds);
  asked.batches(4, 0.4);
  EXPECT_EQ(asked.answer(), Finding::kClear);
}

TEST(AccuracyCollapse, ComparesTheMeanOfTheWindowWithTheBestOneBefore) {
  Asked asked(with(ConditionKind::kAccuracyCollapse, 0.5, 0.8, 4));
  asked.batches(3, 1, 0.9);
  EXPECT_EQ(asked.answer(), Finding::kUnknown);
  asked.batch(1, 0.9);
  asked.batches(2, 1, 0.1);
  EXPECT_EQ(asked.answer(), Finding::kClear) << "a mean of 0.5";
  asked.batch(1, 0.1);
  EXPECT_EQ(asked.answer(), Finding::kHolds) << "a mean of 0.3";
  asked.batches(3, 1, 0.7);
  EXPECT_EQ(asked.answer(true), Finding::kHolds) << "0.55 is below 0.72";
  EXPECT_EQ(asked.answer(false), Finding::kClear);
  asked.batches(2, 1, 0.9);
  EXPECT_EQ(asked.answer(true), Finding::kClear);
}

TEST(ThroughputDrop, ComparesWithTheMedianOfPerfRecords) {
  Asked asked(with(ConditionKind::kThroughputDrop, 0.5, 0.9, 8));
  for (int i = 0; i < 8; ++i)
    asked.perf(60);
  EXPECT_EQ(asked.answer(), Finding::kClear);
  asked.perf(29);
  EXPECT_EQ(asked.answer(), Finding::kHolds);
  asked.perf(50);
  EXPECT_EQ(asked.answer(true), Finding::kHolds);
  asked.perf(55);
  EXPECT_EQ(asked.answer(true), Finding::kClear);
}

TEST(MemoryGradient, IsTheSlopeOverMostOfItsWindow) {
  auto condition = default_condition(ConditionKind::kMemoryGradient);
  condition.over_ms = 60'000;
  condition.limit = 50;
  Asked growing(condition), steady(condition);
  for (int second = 0; second < 40; ++second)
    growing.perf(60, 1000 + second, second * 1000);
  EXPECT_EQ(growing.answer(), Finding::kUnknown) << "not yet over the window";
  for (int second = 40; second < 300; ++second) {
    growing.perf(60, 1000 + second, second * 1000);
    steady.perf(60, 1000 + second % 7, second * 1000);
  }
  EXPECT_EQ(growing.answer(), Finding::kHolds);
  EXPECT_NEAR(growing.finding().value, 60, 0.5);
  EXPECT_EQ(steady.answer(), Finding::kClear);
  for (int second = 300; second < 400; ++second)
    growing.perf(60, 1300, second * 1000);
  EXPECT_EQ(growing.answer(), Finding::kClear);
}

TEST(Converged, IsAnEventOfTheFirstEpochThatSaysSo) {
  Asked asked(default_condition(ConditionKind::kConverged));
  asked.epoch(1);
  EXPECT_EQ(asked.answer(), Finding::kUnknown);
  asked.epoch(0.1, true);
  asked.epoch(0.1, true);
  EXPECT_EQ(asked.answer(), Finding::kHolds);
  EXPECT_EQ(asked.finding().start, 2u);
}

TEST(Finished, HoldsByHowItFinished) {
  const auto answer = [](v1::TrainingStatus wanted, v1::TrainingStatus said) {
    TrainerView view({"r", "t"});
    v1::MetricsRequest record;
    record.mutable_status_update()->set_status(said);
    view.fold(v1::KIND_STATUS, record, kNow);
    return FinishedJudge(wanted).judge({view, view.liveness(kNow), kNow}, false).answer;
  };
  EXPECT_EQ(answer(v1::UNKNOWN, v1::RUNNING), Finding::kClear);
  EXPECT_EQ(answer(v1::UNKNOWN, v1::COMPLETED), Finding::kHolds);
  EXPECT_EQ(answer(v1::FAILED, v1::COMPLETED), Finding::kClear);
  EXPECT_EQ(answer(v1::FAILED, v1::FAILED), Finding::kHolds);
  EXPECT_EQ(answer(v1::UNKNOWN, v1::STOPPED), Finding::kHolds);
  EXPECT_EQ(answer(v1::COMPLETED, v1::STOPPED), Finding::kClear);
  EXPECT_EQ(answer(v1::STOPPED, v1::STOPPED), Finding::kHolds);
}

}  // namespace
}  // namespace trainbus
