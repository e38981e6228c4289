#include "trainbus/liveness.hpp"

#include <gtest/gtest.h>

namespace trainbus {
namespace {

// A trainer in the middle of healthy work: 100 ms a step, a heartbeat a second ago.
LivenessFacts healthy() {
  LivenessFacts facts;
  facts.status = v1::RUNNING;
  facts.last_heard_age_ms = 1000;
  facts.step = 500;
  facts.last_step_age_ms = 1050;
  facts.recent_step_ms = 100;
  return facts;
}

TEST(Liveness, IsAliveWhileStepsAndHeartbeatsArrive) { EXPECT_EQ(judge_liveness(healthy()), Liveness::kAlive); }

TEST(Liveness, IsDeadOnceThreeHeartbeatsAreMissed) {
  auto facts = healthy();
  facts.last_heard_age_ms = 6000;
  EXPECT_EQ(judge_liveness(facts), Liveness::kAlive);
  facts.last_heard_age_ms = 6001;
  EXPECT_EQ(judge_liveness(facts), Liveness::kDead);
  facts.heartbeat_interval_ms = 5000;  // a slower rhythm is not death
  EXPECT_EQ(judge_liveness(facts), Liveness::kAlive);
}

TEST(Liveness, ALateHeartbeatRevives) {
  auto facts = healthy();
  facts.last_heard_age_ms = 60'000;
  ASSERT_EQ(judge_liveness(facts), Liveness::kDead);
  facts.last_heard_age_ms = 10;
  EXPECT_EQ(judge_liveness(facts), Liveness::kAlive);
}

TEST(Liveness, IsStalledAfterTenSecondsWithoutAStepWhenStepsAreShort) {
  auto facts = healthy();
  facts.last_step_age_ms = 10'000;
  EXPECT_EQ(judge_liveness(facts), Liveness::kAlive);
  facts.last_step_age_ms = 10'001;
  EXPECT_EQ(judge_liveness(facts), Liveness::kStalled);
}

TEST(Liveness, IsStalledAfterTenStepTimesWhenStepsAreLong) {
  auto facts = healthy();
  facts.recent_step_ms = 3000;
  facts.last_step_age_ms = 30'000;
  EXPECT_EQ(judge_liveness(facts), Liveness::kAlive);
  facts.last_step_age_ms = 30'001;
  EXPECT_EQ(judge_liveness(facts), Liveness::kStalled);
}

TEST(Liveness, APromisedCheckInPutsOffAStallButNotDeath) {
  auto facts = healthy();
  facts.last_step_age_ms = 60'000;
  facts.promised_age_left_ms = 1;
  EXPECT_EQ(judge_liveness(facts), Liveness::kAlive);
  facts.promised_age_left_ms = 0;
  EXPECT_EQ(judge_liveness(facts), Liveness::kStalled);
  facts.promised_age_left_ms = 60'000;
  facts.last_heard_age_ms = 6001;
  EXPECT_EQ(judge_liveness(facts), Liveness::kDead);
}

TEST(Liveness, APausedTrainerIsNotStalledHoweverLongItRests) {
  auto facts = healthy();
  facts.status = v1::PAUSED;
  facts.last_step_age_ms = 3'600'000;
  EXPECT_EQ(judge_liveness(facts), Liveness::kPaused);
  facts.last_heard_age_ms = 7000;
  EXPECT_EQ(judge_liveness(facts), Liveness::kDead);
}

TEST(Liveness, WaitsForTheFirstStep) {
  auto facts = healthy();
  facts.step = 0;
  facts.last_step_age_ms = 60'000;
  EXPECT_EQ(judge_liveness(facts), Liveness::kWaiting);
  facts.status = v1::INITIALIZING;
  EXPECT_EQ(judge_liveness(facts), Liveness::kWaiting);
  facts.last_heard_age_ms = 6001;
  EXPECT_EQ(judge_liveness(facts), Liveness::kDead);
  EXPECT_EQ(judge_liveness({}), Liveness::kWaiting);
}

TEST(Liveness, WhatWasSaidLastHoldsForEver) {
  for (const bool reachable : {true, false}) {
    auto facts = healthy();
    facts.broker_reachable = reachable;
    facts.last_heard_age_ms = 86'400'000;
    facts.status = v1::COMPLETED;
    EXPECT_EQ(judge_liveness(facts), Liveness::kCompleted);
    facts.status = v1::FAILED;
    EXPECT_EQ(judge_liveness(facts), Liveness::kFailed);
    facts.status = v1::STOPPED;
    EXPECT_EQ(judge_liveness(facts), Liveness::kStopped);
  }
}

TEST(Liveness, WithoutABrokerTrainersAreUnreachableNotDead) {
  auto facts = healthy();
  facts.broker_reachable = false;
  EXPECT_EQ(judge_liveness(facts), Liveness::kUnreachable);
  facts.last_heard_age_ms = 60'000;
  EXPECT_EQ(judge_liveness(facts), Liveness::kUnreachable);
  facts.status = v1::PAUSED;
  EXPECT_EQ(judge_liveness(facts), Liveness::kUnreachable);
}

TEST(Liveness, ATrainerWithoutHeartbeatsIsDeadWhenSilentForAsLongAsAStall) {
  auto facts = healthy();
  facts.heartbeat_interval_ms = 0;
  facts.last_heard_age_ms = facts.last_step_age_ms = 10'000;
  EXPECT_EQ(judge_liveness(facts), Liveness::kAlive);
  facts.last_heard_age_ms = facts.last_step_age_ms = 10'001;
  EXPECT_EQ(judge_liveness(facts), Liveness::kDead);
}

TEST(Liveness, ATrainerWithoutHeartbeatsWhosePaceIsNotKnownHasHalfAMinute) {
  auto facts = healthy();
  facts.heartbeat_interval_ms = 0;
  facts.recent_step_ms = 0;
  facts.last_step_age_ms = 0;
  facts.last_heard_age_ms = 30'000;
  EXPECT_EQ(judge_liveness(facts), Liveness::kAlive);
  facts.last_heard_age_ms = 30'001;
  EXPECT_EQ(judge_liveness(facts), Liveness::kDead);
}

TEST(Liveness, AnAbsurdStepTimeDoesNotOverflowTheLimit) {
  EXPECT_EQ(stall_limit_ms(1e300), 86'400'000);
  EXPECT_EQ(stall_limit_ms(-5), 10'000);
}

TEST(Liveness, EveryStateHasAName) {
  EXPECT_EQ(liveness_name(Liveness::kUnreachable), "UNREACHABLE");
  EXPECT_EQ(liveness_name(Liveness::kWaiting), "WAITING");
  EXPECT_EQ(liveness_name(Liveness::kAlive), "ALIVE");
  EXPECT_EQ(liveness_name(Liveness::kPaused), "PAUSED");
  EXPECT_EQ(liveness_name(Liveness::kStalled), "STALLED");
  EXPECT_EQ(liveness_name(Liveness::kDead), "DEAD");
  EXPECT_EQ(liveness_name(Liveness::kCompleted), "COMPLETED");
  EXPECT_EQ(liveness_name(Liveness::kFailed), "FAILED");
}

}  // namespace
}  // namespace trainbus
