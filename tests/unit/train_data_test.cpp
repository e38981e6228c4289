// What lies between the files and the network: shapes, split, normalisation, batches, predictions, pace.

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>
#include <set>

#include "producers/train/batch_sampler.hpp"
#include "producers/train/convergence.hpp"
#include "producers/train/data_set.hpp"
#include "producers/train/pace.hpp"
#include "producers/train/top_predictions.hpp"

namespace trainbus {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

LoadedSamples shapes(std::uint64_t seed, std::size_t limit = 20) {
  return open_data_source({.spec = "shapes", .seed = seed, .limit_samples = limit})->load({});
}

bool same_pixels(const Samples& a, const Samples& b, std::size_t index) {
  return std::ranges::equal(a.pixels(index), b.pixels(index));
}

TEST(Shapes, AreTheSameForTheSameSeedAndOthersForAnother) {
  const auto first = shapes(7);
  const auto again = shapes(7);
  const auto other = shapes(8);
  for (std::size_t index = 0; index < 20; ++index) {
    EXPECT_TRUE(same_pixels(first.samples, again.samples, index)) << index;
    EXPECT_FALSE(same_pixels(first.samples, other.samples, index)) << index;
  }
}

TEST(Shapes, DoNotDependOnHowManyAreDrawn) {
  const auto few = shapes(7, 10);
  const auto many = shapes(7, 30);
  EXPECT_TRUE(same_pixels(few.samples, many.samples, 9));
}

TEST(Shapes, AreOfTenClassesInEqualNumbers) {
  const auto loaded = shapes(1, 45);
  EXPECT_EQ(loaded.class_names.size(), 10U);
  std::vector<int> counts(10);
  for (std::size_t index = 0; index < 50; ++index)
    ++counts.at(loaded.samples.label(index));
  EXPECT_THAT(counts, Each(5));
}

TEST(DataSet, IsSplitBySeedIntoTwoPartsWithoutOverlap) {
  DataSetOptions options{.spec = "shapes", .seed = 3, .validation = 0.25, .limit_samples = 30};
  const auto source = open_data_source(options);
  options.limit_samples = 0;
  const auto data = load_data_set(*source, options, {});
  const auto count = data.samples.size();
  EXPECT_EQ(data.validation.size(), std::lround(0.25 * static_cast<double>(count)));
  std::set<std::uint32_t> all(data.train.begin(), data.train.end());
  all.insert(data.validation.begin(), data.validation.end());
  EXPECT_EQ(all.size(), count);
  EXPECT_EQ(data.train.size() + data.validation.size(), count);
  EXPECT_EQ(load_data_set(*source, options, {}).validation, data.validation);
  options.seed = 4;
  EXPECT_NE(load_data_set(*source, options, {}).validation, data.validation);
}

TEST(DataSet, TakesNoMoreSamplesThanTheLimit) {
  const DataSetOptions options{.spec = "shapes", .limit_samples = 20};
  const auto data = load_data_set(*open_data_source(options), options, {});
  EXPECT_EQ(data.train.size(), 20U);
  EXPECT_GT(data.validation.size(), 0U);
}

TEST(Normalisation, IsTheMeanAndDeviationOfTheChosenSamples) {
  Samples samples({.width = 2, .height = 1, .channels = 1});
  for (const auto& [left, right] : {std::pair<std::uint8_t, std::uint8_t>{0, 255}, {255, 0}, {9, 9}}) {
    const auto pixels = samples.add(0);
    pixels[0] = left;
    pixels[1] = right;
  }
  const std::vector<std::uint32_t> chosen = {0, 1};
  const auto normal = normalisation_of(samples, chosen);
  EXPECT_FLOAT_EQ(normal.mean[0], 0.5F);
  EXPECT_FLOAT_EQ(normal.deviation[0], 0.5F);
  EXPECT_FLOAT_EQ(normalisation_of(samples, std::vector<std::uint32_t>{2}).deviation[0], 1);
}

std::vector<std::uint32_t> numbers(std::size_t count) {
  std::vector<std::uint32_t> indices(count);
  std::iota(indices.begin(), indices.end(), 100U);
  return indices;
}

TEST(BatchSampler, GivesEachSampleOncePerEpochInAnotherOrder) {
  BatchSampler sampler(numbers(10), 4, 1);
  std::vector<std::vector<std::uint32_t>> orders;
  for (int epoch : {1, 2, 1}) {
    sampler.begin_epoch(epoch);
    std::vector<std::uint32_t> order;
    std::vector<std::size_t> sizes;
    for (auto batch = sampler.next(); !batch.empty(); batch = sampler.next()) {
      sizes.push_back(batch.size());
      order.insert(order.end(), batch.begin(), batch.end());
    }
    EXPECT_THAT(sizes, ElementsAre(4, 4, 2));
    EXPECT_THAT(order, ::testing::UnorderedElementsAreArray(numbers(10)));
    orders.push_back(order);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_EQ(orders[0], orders[2]);
}

TEST(BatchSampler, ObeysANewBatchSizeForTheRestOfTheEpoch) {
  BatchSampler sampler(numbers(20), 4, 1);
  sampler.begin_epoch(1);
  std::set<std::uint32_t> seen;
  std::vector<std::size_t> sizes;
  EXPECT_EQ(sampler.batches_left(), 5U);
  for (auto batch = sampler.next(); !batch.empty(); batch = sampler.next()) {
    sizes.push_back(batch.size());
    seen.insert(batch.begin(), batch.end());
    if (sizes.size() == 2) {
      sampler.set_batch_size(7);
      EXPECT_EQ(sampler.batches_left(), 2U);
    }
  }
  EXPECT_THAT(sizes, ElementsAre(4, 4, 7, 5));
  EXPECT_EQ(seen.size(), 20U);
}

TEST(Batch, HoldsCopiesOfTheChosenSamples) {
  const auto loaded = shapes(1, 20);
  Batch batch;
  batch.gather(loaded.samples, std::vector<std::uint32_t>{13, 4});
  EXPECT_THAT(batch.labels, ElementsAre(3, 4));
  EXPECT_TRUE(std::equal(batch.image(1), batch.image(1) + 3072, loaded.samples.pixels(4).begin()));
}

TEST(TopPredictions, AreTheSoftmaxBestFirst) {
  const std::vector<float> logits = {0, std::log(3.0F), std::log(2.0F), 1000, 0, 0};
  const auto predictions = top_predictions(logits, {"a", "b", "c"}, 2);
  ASSERT_EQ(predictions.size(), 2U);
  EXPECT_EQ(predictions[0].label, "b");
  EXPECT_EQ(predictions[0].predicted_class, 1);
  EXPECT_FLOAT_EQ(predictions[0].confidence, 0.5F);
  ASSERT_EQ(predictions[0].top_k.size(), 2U);
  EXPECT_EQ(predictions[0].top_k[1].label, "c");
  EXPECT_NEAR(predictions[0].top_k[1].score, 1.0 / 3, 1e-6);
  EXPECT_FLOAT_EQ(predictions[1].confidence, 1);
}

TEST(TopPredictions, OfADivergedNetworkAreNotANumber) {
  const auto predictions = top_predictions(std::vector<float>{NAN, NAN, NAN}, {"a", "b", "c"}, 3);
  EXPECT_EQ(predictions[0].label, "a");
  EXPECT_TRUE(std::isnan(predictions[0].confidence));
}

TEST(Pace, LeavesPausesOut) {
  using namespace std::chrono_literals;
  Pace::Clock::time_point now{};
  Pace pace(now);
  pace.begin_epoch(now);
  for (int step = 0; step < 10; ++step)
    pace.step_done(now += 100ms);
  pace.paused_for(1h);
  now += 1h;
  EXPECT_NEAR(pace.current_fps(), 10, 1e-6);
  EXPECT_NEAR(pace.average_fps(now), 10, 1e-6);
  EXPECT_NEAR(pace.epoch_sec(now), 1, 1e-6);
  pace.step_done(now += 100ms);
  EXPECT_NEAR(pace.recent_step_sec(), 0.1, 1e-6);
}

TEST(Convergence, IsSaidAfterFiveEpochsWithoutANewBest) {
  Convergence convergence;
  EXPECT_FALSE(convergence.add(1.0));
  EXPECT_FALSE(convergence.add(0.5));
  for (int epoch = 0; epoch < 4; ++epoch)
    EXPECT_FALSE(convergence.add(0.5)) << epoch;
  EXPECT_TRUE(convergence.add(0.5));
  EXPECT_FALSE(convergence.add(0.4));
}

TEST(Convergence, IsNeverSaidOfATrainingThatOnlyDiverged) {
  Convergence convergence;
  for (int epoch = 0; epoch < 20; ++epoch)
    EXPECT_FALSE(convergence.add(NAN)) << epoch;
}

}  // namespace
}  // namespace trainbus
