#include "alert_rules.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace trainbus {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

// A trainer in the middle of a run, seen by a watcher that stores what it raises.
class AlertRulesTest : public ::testing::Test {
 protected:
  void beat(std::uint64_t number, std::uint64_t step, std::int64_t since_step_ms = 0, std::uint64_t incarnation = 1) {
    v1::MetricsRequest message;
    message.set_incarnation(incarnation);
    message.mutable_heartbeat()->set_sequence_number(static_cast<std::uint32_t>(number));
    message.mutable_heartbeat()->set_step(step);
    message.mutable_heartbeat()->set_since_last_step_ms(since_step_ms);
    view.fold(v1::KIND_HEARTBEAT, message, kNow);
  }
  void loss(double value, std::uint64_t step, std::uint64_t incarnation = 1) {
    view.fold(v1::KIND_BATCH, batch(value, step, incarnation), kNow);
  }
  static v1::MetricsRequest batch(double value, std::uint64_t step, std::uint64_t incarnation = 1) {
    v1::MetricsRequest message;
    message.set_session_id("r/t");
    message.set_incarnation(incarnation);
    message.mutable_batch_data()->set_batch_loss(value);
    message.mutable_batch_data()->set_step(step);
    return message;
  }
  std::vector<v1::Alert> raise(Liveness state) {
    std::vector<v1::Alert> raised;
    for (const auto& due : rules.judge(view, state, kNow)) {
      EXPECT_EQ(due.session_id, "r/t");
      rules.stored(due.session_id, due.alert);
      raised.push_back(due.alert);
    }
    rules.looked("r/t", view.figures().incarnation);
    return raised;
  }

  TrainerView view{{"r", "t"}};
  AlertRules rules;
};

TEST_F(AlertRulesTest, AHealthyTrainerRaisesNothing) {
  beat(1, 10);
  loss(0.5, 10);
  for (const auto state : {Liveness::kAlive, Liveness::kWaiting, Liveness::kPaused, Liveness::kCompleted})
    EXPECT_TRUE(raise(state).empty());
}

TEST_F(AlertRulesTest, DeathIsRaisedOnceAndEndsWhenTheTrainerIsHeardAgain) {
  beat(7, 10);
  const auto raised = raise(Liveness::kDead);
  ASSERT_EQ(raised.size(), 1u);
  EXPECT_EQ(raised[0].rule(), "dead");
  EXPECT_TRUE(raised[0].active());
  EXPECT_EQ(raised[0].trainer_incarnation(), 1u);
  EXPECT_TRUE(raise(Liveness::kDead).empty());
  const auto ended = raise(Liveness::kAlive);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].alert_id(), raised[0].alert_id());
  EXPECT_FALSE(ended[0].active());
  EXPECT_TRUE(raise(Liveness::kAlive).empty());
  beat(8, 20);
  const auto again = raise(Liveness::kDead);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_NE(again[0].alert_id(), raised[0].alert_id()) << "another incident";
}

TEST_F(AlertRulesTest, ABadLossBetweenTwoLooksIsAnIncidentOfItsStepAndEndsAtTheNextLook) {
  rules.take(batch(std::nan(""), 11));
  rules.take(batch(0.5, 12));
  loss(0.5, 12);
  const auto due = rules.judge(view, Liveness::kAlive, kNow);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].alert.message(), "the loss is NaN at step 11");
  rules.stored(due[0].session_id, due[0].alert);
  EXPECT_TRUE(rules.judge(view, Liveness::kAlive, kNow).empty()) << "still";
  rules.looked("r/t", view.figures().incarnation);
  const auto ended = raise(Liveness::kAlive);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].message(), "every value is finite");
}

TEST_F(AlertRulesTest, IsRaisedAgainAndAgainUntilTheJournalHasIt) {
  beat(7, 10);
  const auto first = rules.judge(view, Liveness::kDead, kNow);
  const auto second = rules.judge(view, Liveness::kDead, kNow + 5000);
  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(first[0].alert.alert_id(), second[0].alert.alert_id());
}

TEST_F(AlertRulesTest, ARestartedWatcherGivesTheSameIdAndDoesNotRepeatWhatItReads) {
  beat(7, 10);
  const auto raised = raise(Liveness::kDead);
  AlertRules restarted;
  EXPECT_EQ(restarted.judge(view, Liveness::kDead, kNow + 60'000).at(0).alert.alert_id(), raised[0].alert_id());
  restarted.stored("r/t", raised[0]);
  EXPECT_TRUE(restarted.judge(view, Liveness::kDead, kNow + 60'000).empty());
  EXPECT_EQ(restarted.judge(view, Liveness::kAlive, kNow + 60'000).size(), 1u);
}

// Two that are alive under one name: what the broker lists of either.
v1::TrainerEntry listed(std::uint64_t incarnation, bool newest) {
  v1::TrainerEntry entry;
  entry.set_session_id("r/t");
  entry.set_incarnation(incarnation);
  entry.set_order(static_cast<std::int64_t>(incarnation));
  entry.set_newest(newest);
  entry.set_live(true);
  return entry;
}

TEST_F(AlertRulesTest, OfTwoThatAreAliveUnderOneNameEachIsJudged) {
  TrainerView older({"r", "t"});
  older.fold(listed(1, false), kNow, kNow);
  view.fold(listed(2, true), kNow, kNow);
  rules.judge(older, Liveness::kAlive, kNow);
  rules.judge(view, Liveness::kAlive, kNow);
  rules.take(batch(std::nan(""), 11, 1), 1);
  rules.take(batch(0.5, 3, 2), 2);
  const auto due = rules.judge(older, Liveness::kAlive, kNow);
  ASSERT_EQ(due.size(), 1u) << "the older one's loss";
  EXPECT_EQ(due[0].alert.trainer_incarnation(), 1u);
  rules.stored("r/t", due[0].alert);
  EXPECT_TRUE(rules.judge(view, Liveness::kAlive, kNow).empty()) << "and it is not ended by the newer one";

  const auto stalled = rules.judge(view, Liveness::kStalled, kNow);
  ASSERT_EQ(stalled.size(), 2u) << "the newer one stalls; the older one is no longer listed, so its alert ends";
  EXPECT_EQ(stalled[0].alert.trainer_incarnation(), 2u);
  EXPECT_EQ(stalled[1].alert.trainer_incarnation(), 1u);
  EXPECT_FALSE(stalled[1].alert.active());
}

TEST_F(AlertRulesTest, AStallIsRaisedAndEndsWithTheNextStep) {
  beat(7, 10, 30'000);
  const auto raised = raise(Liveness::kStalled);
  ASSERT_EQ(raised.size(), 1u);
  EXPECT_EQ(raised[0].rule(), "stalled");
  EXPECT_EQ(raise(Liveness::kAlive).size(), 1u);
  EXPECT_EQ(rules.open(), 0u);
}

TEST_F(AlertRulesTest, ADeathThatFollowsAStallEndsTheStall) {
  beat(7, 10, 30'000);
  raise(Liveness::kStalled);
  const auto raised = raise(Liveness::kDead);
  ASSERT_EQ(raised.size(), 2u);
  EXPECT_EQ(raised[0].rule(), "dead");
  EXPECT_FALSE(raised[1].active());
}

TEST_F(AlertRulesTest, ALossThatIsNotFiniteIsRaisedAndEndsWhenItIsFiniteAgain) {
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    loss(bad, 10);
    const auto raised = raise(Liveness::kAlive);
    ASSERT_EQ(raised.size(), 1u) << bad;
    EXPECT_EQ(raised[0].rule(), "not_finite");
    loss(bad, 11);
    EXPECT_TRUE(raise(Liveness::kAlive).empty());
    loss(0.5, 12);
    EXPECT_EQ(raise(Liveness::kAlive).size(), 1u);
  }
}

TEST_F(AlertRulesTest, ANewIncarnationEndsTheAlertsOfTheOldOne) {
  beat(7, 10);
  raise(Liveness::kDead);
  beat(1, 0, 0, 2);
  const auto ended = raise(Liveness::kWaiting);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].trainer_incarnation(), 1u);
  EXPECT_FALSE(ended[0].active());
  EXPECT_EQ(rules.open(), 0u);
}

TEST_F(AlertRulesTest, NothingIsSaidAboutATrainerThatCannotBeSeen) {
  beat(7, 10);
  raise(Liveness::kDead);
  EXPECT_TRUE(raise(Liveness::kUnreachable).empty());
  EXPECT_EQ(rules.open(), 1u);
}

}  // namespace
}  // namespace trainbus
