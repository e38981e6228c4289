// What the watcher remembers of losses between two looks.

#include "loss_watch.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace trainbus {
namespace {

class LossWatchTest : public ::testing::Test {
 protected:
  void batch(std::uint64_t step, double loss, std::uint64_t incarnation = 1) {
    auto record = of(incarnation);
    record.mutable_batch_data()->set_step(step);
    record.mutable_batch_data()->set_batch_loss(loss);
    losses.take(record);
  }
  void epoch(std::uint64_t step, double loss) {
    auto record = of(1);
    record.mutable_epoch_data()->set_step(step);
    record.mutable_epoch_data()->set_average_loss(loss);
    losses.take(record);
  }
  // The step of the first bad loss; 0: none.
  std::uint64_t bad(std::uint64_t incarnation = 1) {
    const auto* first = losses.first_bad("r/t", incarnation);
    return first == nullptr ? 0 : first->step;
  }

  LossWatch losses;

 private:
  static v1::MetricsRequest of(std::uint64_t incarnation) {
    v1::MetricsRequest record;
    record.set_session_id("r/t");
    record.set_incarnation(incarnation);
    return record;
  }
};

TEST_F(LossWatchTest, RemembersTheFirstBadLossUntilItIsForgotten) {
  batch(1, 0.5);
  EXPECT_EQ(bad(), 0u);
  batch(2, std::nan(""));
  batch(3, INFINITY);
  batch(4, 0.5);
  EXPECT_EQ(bad(), 2u);
  losses.forget("r/t", 1);
  batch(5, 0.5);
  EXPECT_EQ(bad(), 0u);
  batch(6, -INFINITY);
  EXPECT_EQ(bad(), 6u);
}

TEST_F(LossWatchTest, AnEpochsAverageCountsOnlyWithoutABadBatchBefore) {
  batch(2, std::nan(""));
  losses.forget("r/t", 1);
  epoch(3, std::nan(""));
  EXPECT_EQ(bad(), 0u) << "said by its batch";
  epoch(6, std::nan(""));
  EXPECT_EQ(bad(), 6u) << "of a batch without a record";
}

TEST_F(LossWatchTest, OnlyTheNewestIncarnationCounts) {
  batch(7, std::nan(""), 1);
  batch(2, std::nan(""), 2);
  batch(9, std::nan(""), 1);
  EXPECT_EQ(bad(1), 0u);
  EXPECT_EQ(bad(2), 2u);
}

}  // namespace
}  // namespace trainbus
