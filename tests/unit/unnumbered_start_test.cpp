#include "broker/unnumbered_start.hpp"

#include <gtest/gtest.h>

namespace trainbus {
namespace {

// Counts the starts that a sequence of records makes, with their times.
class UnnumberedStartTest : public testing::Test {
 protected:
  void say(const v1::MetricsRequest& record, std::int64_t after_ms = 10) {
    now_ms_ += after_ms;
    if (start_.another_begins(payload_kind(record), record, newest_, now_ms_)) start_ = UnnumberedStart(++starts_);
    start_.take(record, now_ms_);
  }
  static v1::MetricsRequest status(v1::TrainingStatus said, bool plan = false) {
    v1::MetricsRequest record;
    record.mutable_status_update()->set_status(said);
    if (plan) record.mutable_status_update()->mutable_config()->set_total_epochs(9);
    return record;
  }
  static v1::MetricsRequest batch(int epoch, int index) {
    v1::MetricsRequest record;
    record.mutable_batch_data()->set_epoch(epoch);
    record.mutable_batch_data()->set_batch_idx(index);
    return record;
  }
  static v1::MetricsRequest epoch(int number) {
    v1::MetricsRequest record;
    record.mutable_epoch_data()->set_epoch(number);
    return record;
  }
  static v1::MetricsRequest heartbeat() {
    v1::MetricsRequest record;
    record.mutable_heartbeat();
    return record;
  }
  void train(int epochs, std::int64_t step_ms = 10) {
    for (int number = 1; number <= epochs; ++number) {
      for (int index = 0; index < 3; ++index)
        say(batch(number, index), step_ms);
      say(epoch(number));
    }
  }

  std::int64_t now_ms_ = 1'000'000;
  std::uint64_t starts_ = 0;
  bool newest_ = true;
  UnnumberedStart start_;
};

TEST_F(UnnumberedStartTest, TwoRunsThatSayTheirEndsAreTwo) {
  for (int run = 0; run < 2; ++run) {
    say(status(v1::RUNNING, true));
    train(2);
    say(status(v1::COMPLETED));
  }
  EXPECT_EQ(starts_, 2u);
}

TEST_F(UnnumberedStartTest, TwoRunsOfBatchesOnlyAreTwoAtOnceAfterAnEnd) {
  train(1);
  say(status(v1::FAILED));
  train(1);
  EXPECT_EQ(starts_, 2u);
}

TEST_F(UnnumberedStartTest, WhatTrailsAnEndBelongsToIt) {
  train(1);
  say(status(v1::COMPLETED));
  say(epoch(1), 5);
  say(status(v1::COMPLETED), 60'000);
  say(heartbeat(), 60'000);
  EXPECT_EQ(starts_, 1u);
  say(epoch(1), 60'000);
  EXPECT_EQ(starts_, 2u);
}

TEST_F(UnnumberedStartTest, InitializingIsAStartWithoutAnyWait) {
  say(status(v1::INITIALIZING));
  say(status(v1::INITIALIZING));
  say(status(v1::RUNNING));
  train(2);
  EXPECT_EQ(starts_, 1u);
  say(status(v1::INITIALIZING));
  EXPECT_EQ(starts_, 2u);
}

TEST_F(UnnumberedStartTest, ARunThatWasKilledIsFollowedByOneThatBeginsAnew) {
  train(3);
  say(batch(1, 0), UnnumberedStart::kSilentMs);
  EXPECT_EQ(starts_, 2u);
  say(status(v1::RUNNING, true), UnnumberedStart::kSilentMs);
  say(batch(1, 0));
  EXPECT_EQ(starts_, 3u);
}

TEST_F(UnnumberedStartTest, ASlowTrainingIsOne) {
  train(3, 14'000);
  say(epoch(4), 3'600'000);
  say(epoch(5), 36'000'000);
  say(status(v1::PAUSED), 60'000);
  say(status(v1::RUNNING), 60'000);
  EXPECT_EQ(starts_, 1u) << "it goes on where it was";
}

TEST_F(UnnumberedStartTest, TwoThatSpeakAtOnceMakeNoFloodOfStarts) {
  for (int turn = 0; turn < 100; ++turn) {
    say(batch(9, turn), 50);
    say(batch(1, turn), 50);
  }
  EXPECT_EQ(starts_, 1u);
}

TEST_F(UnnumberedStartTest, WhoComesBackAfterAnotherBeganIsAnotherStart) {
  train(1);
  newest_ = false;
  say(batch(2, 0), 100);
  EXPECT_EQ(starts_, 1u) << "it went on beside the other";
  say(batch(2, 1), UnnumberedStart::kSilentMs);
  EXPECT_EQ(starts_, 2u);
}

}  // namespace
}  // namespace trainbus
