#include "consumers/dashboard/server/trainer_curves.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace trainbus {
namespace {

using ::testing::ElementsAre;

// One trainer's records, as its incarnations send them.
class TrainerCurvesTest : public ::testing::Test {
 protected:
  Record record(Kind kind, std::uint64_t incarnation) {
    Record made;
    made.topic = {kind, {"r", "t"}};
    made.message.set_session_id("r/t");
    made.message.set_incarnation(incarnation);
    made.message.set_sequence(++sequence_);
    return made;
  }
  void plan(std::uint64_t incarnation, int batches_per_epoch) {
    auto said = record(v1::KIND_STATUS, incarnation);
    said.message.mutable_status_update()->mutable_config()->set_batches_per_epoch(batches_per_epoch);
    curves_.apply(said);
  }
  bool batch(std::uint64_t incarnation, int epoch, int index, std::uint64_t step, double loss) {
    auto said = record(v1::KIND_BATCH, incarnation);
    auto* data = said.message.mutable_batch_data();
    data->set_epoch(epoch);
    data->set_batch_idx(index);
    data->set_step(step);
    data->set_batch_loss(loss);
    return curves_.apply(said);
  }
  // Epochs first to last of so many batches; y is the incarnation.
  void train(std::uint64_t incarnation, int first, int last, int batches) {
    plan(incarnation, batches);
    std::uint64_t step = 0;
    for (int epoch = first; epoch <= last; ++epoch) {
      for (int index = 0; index < batches; ++index)
        batch(incarnation, epoch, index, ++step, static_cast<double>(incarnation));
      auto said = record(v1::KIND_EPOCH, incarnation);
      said.message.mutable_epoch_data()->set_epoch(epoch);
      said.message.mutable_epoch_data()->set_step(step);
      said.message.mutable_epoch_data()->set_average_loss(static_cast<double>(incarnation));
      curves_.apply(said);
    }
  }
  void say(std::uint64_t step, const std::string& name, double value) {
    auto said = record(v1::KIND_SCALARS, 1);
    said.message.mutable_scalar_data()->set_step(step);
    (*said.message.mutable_scalar_data()->mutable_values())[name] = value;
    curves_.apply(said);
  }
  static std::vector<double> ys(const std::vector<Point>& points) {
    std::vector<double> out;
    for (const auto& point : points)
      out.push_back(point.y);
    return out;
  }

  TrainerCurves curves_;
  std::uint64_t sequence_ = 0;
};

TEST_F(TrainerCurvesTest, AResumedIncarnationWithLargerBatchesContinuesTheCurveAndReplacesNothing) {
  train(1, 1, 8, 40);
  train(2, 9, 10, 20);
  const auto line = curves_.line("batch_loss");
  ASSERT_EQ(line.size(), 360U);
  for (std::size_t i = 0; i < line.size(); ++i)
    ASSERT_EQ(line[i], (Point{static_cast<double>(i + 1), i < 320 ? 1.0 : 2.0}));
  EXPECT_EQ(curves_.line("epoch_loss").size(), 10U);
}

TEST_F(TrainerCurvesTest, OnlyWhatWasDoneAgainIsSupersededAndStaysReachable) {
  train(1, 1, 3, 4);
  train(2, 3, 4, 4);
  EXPECT_EQ(curves_.line("batch_loss").size(), 16U);
  EXPECT_THAT(ys(curves_.line("batch_loss", 8, 9)), ElementsAre(1, 2));
  EXPECT_THAT(ys(curves_.line("epoch_loss")), ElementsAre(1, 1, 2, 2));
  EXPECT_EQ(curves_.of("batch_loss", 1).size(), 12U);
  EXPECT_EQ(curves_.of("batch_loss", 2).front().x, 9);
  EXPECT_TRUE(curves_.of("batch_loss", 3).empty());
}

TEST_F(TrainerCurvesTest, ANewBeginningSupersedesAllAndSaysSo) {
  train(1, 1, 2, 4);
  EXPECT_TRUE(batch(2, 1, 0, 1, 2));
  EXPECT_FALSE(batch(2, 1, 1, 2, 2));
  EXPECT_EQ(curves_.line("batch_loss").size(), 2U);
  EXPECT_EQ(curves_.of("batch_loss", 1).size(), 8U);
}

TEST_F(TrainerCurvesTest, WhatWasNotSaidIsNoPointAndNaNIsOne) {
  auto said = record(v1::KIND_BATCH, 1);
  said.message.mutable_batch_data()->set_step(1);
  (*said.message.mutable_batch_data()->mutable_scalars())["val/iou"] = NAN;
  curves_.apply(said);
  EXPECT_FALSE(curves_.all().contains("batch_loss"));
  EXPECT_FALSE(curves_.all().contains("batch_accuracy"));
  ASSERT_EQ(curves_.line("val/iou").size(), 1U);
  EXPECT_TRUE(std::isnan(curves_.line("val/iou")[0].y));
}

TEST_F(TrainerCurvesTest, ANamedValueWithABuiltInNameKeepsApart) {
  batch(1, 1, 0, 1, 0.5);
  say(1, "batch_loss", 7);
  EXPECT_THAT(ys(curves_.line("batch_loss")), ElementsAre(0.5));
  EXPECT_THAT(ys(curves_.line("scalars/batch_loss")), ElementsAre(7));
}

TEST_F(TrainerCurvesTest, NamesPastTheBoundAreCountedAndLeftOut) {
  for (std::size_t i = 0; i < kMaxValueNames + 5; ++i)
    for (const auto step : {1U, 2U})
      say(step, "n" + std::to_string(i), 1);
  EXPECT_EQ(curves_.all().size(), kMaxValueNames);
  EXPECT_EQ(curves_.names_left_out(), 5U);
}

TEST_F(TrainerCurvesTest, AllCurvesTogetherKeepWithinTheirBudget) {
  curves_.set_budget(10'000);
  for (std::uint64_t step = 1; step <= 2'000; ++step)
    for (int name = 0; name < 20; ++name)
      say(step, "n" + std::to_string(name), static_cast<double>(step));
  std::size_t points = 0;
  for (const auto& [name, curve] : curves_.all()) {
    points += curve.size();
    EXPECT_EQ(curves_.line(name).back().x, 2000) << name;
  }
  EXPECT_LE(points, 10'000U);
  EXPECT_GE(points, 2'000U);
}

TEST_F(TrainerCurvesTest, ATrainingThatWasResumedAHundredTimesStaysOneCurve) {
  for (int life = 0; life < 100; ++life)
    train(static_cast<std::uint64_t>(life) + 1, life + 1, life + 1, 5);
  const auto line = curves_.line("batch_loss");
  ASSERT_EQ(line.size(), 500U);
  EXPECT_EQ(line.front(), (Point{1, 1}));
  EXPECT_EQ(line.back(), (Point{500, 100}));
  EXPECT_EQ(curves_.placement().places(Axis::kStep).size(), Placement::kMaxIncarnations);
  EXPECT_EQ(curves_.placement().forgotten(), 36U);
  EXPECT_TRUE(curves_.of("batch_loss", 1).empty());
  EXPECT_EQ(curves_.of("batch_loss", 100).size(), 5U);
}

TEST_F(TrainerCurvesTest, SaysWhenAStepWasAndWhichEpochEndedThere) {
  train(1, 1, 2, 4);
  EXPECT_EQ(curves_.line("epoch_end"), (std::vector<Point>{{4, 1}, {8, 2}}));
  EXPECT_TRUE(curves_.line("timestamp_ms").empty()) << "nobody said a time";
  const auto batch_at = [&](std::uint64_t incarnation, std::uint64_t step, std::uint64_t at_ms) {
    auto said = record(v1::KIND_BATCH, incarnation);
    said.message.set_timestamp_ms(at_ms);
    said.message.mutable_batch_data()->set_epoch(3);
    said.message.mutable_batch_data()->set_step(step);
    curves_.apply(said);
  };
  for (const std::uint64_t tenth : {0, 1, 9, 10, 11, 25})
    batch_at(1, 9 + tenth, 5000 + 100 * tenth);
  EXPECT_EQ(curves_.line("timestamp_ms"), (std::vector<Point>{{9, 5000}, {19, 6000}, {34, 7500}}));
}

}  // namespace
}  // namespace trainbus
