// What rules do: one command an incident, of the incarnation of its alert, soon or never.

#include "rule_actions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules_file.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000'000;

class RuleActionsTest : public ::testing::Test {
 protected:
  RuleActionsTest() {
    v1::MetricsRequest record;
    record.set_incarnation(7);
    record.mutable_batch_data()->set_step(3);
    record.mutable_batch_data()->set_learning_rate(0.1);
    view.fold(v1::KIND_BATCH, record, kNow);
  }
  static v1::MetricsRequest alert(const std::string& rule = "spike", const std::string& id = "spike-1",
                                  std::uint64_t incarnation = 7) {
    v1::MetricsRequest record;
    record.set_session_id("r/t");
    auto& alert = *record.mutable_alert();
    alert.set_alert_id(id);
    alert.set_rule(rule);
    alert.set_active(true);
    alert.set_trainer_incarnation(incarnation);
    alert.set_timestamp_ms(kNow);
    return record;
  }
  static v1::MetricsRequest command(v1::ControlCommand command, v1::CommandState state) {
    v1::MetricsRequest record;
    record.set_session_id("r/t");
    command.set_state(state);
    command.set_applied_step(12);
    command.set_old_value("0.1");
    command.set_new_value("0.07");
    command.set_reason("no handler");
    *record.mutable_command() = std::move(command);
    return record;
  }
  std::vector<DueCommand> due(std::int64_t later_ms = 0, Liveness state = Liveness::kAlive) {
    return actions.due({{&view, state}}, kNow + later_ms);
  }
  std::string outcome() {
    const auto outcomes = actions.outcomes(kNow);
    return outcomes.empty() ? "" : outcomes[0].alert.message();
  }

  RuleSet set = parse_rules("rules: [{name: spike, on: loss_spike, then: set-lr 0.7x}, {on: plateau}]", "f");
  TrainerView view{{"r", "t"}};
  RuleActions actions{set, "head"};
};

TEST_F(RuleActionsTest, AStoredAlertBecomesACommandUntilItIsAnswered) {
  actions.take(alert());
  for (int again = 0; again < 2; ++again) {
    const auto commands = due();
    ASSERT_EQ(commands.size(), 1u);
    const auto& sent = commands[0].command;
    EXPECT_EQ(commands[0].session_id, "r/t");
    EXPECT_EQ(sent.type(), v1::CHANGE_LEARNING_RATE);
    EXPECT_EQ(sent.parameters().at("value"), "0.07");
    EXPECT_EQ(sent.expected_incarnation(), 7u);
    EXPECT_EQ(sent.issuer(), "watch:spike@head");
    EXPECT_EQ(sent.command_id(), action_command_id("r/t", "spike-1"));
    EXPECT_EQ(command_problem(sent), "");
  }
  actions.answered(due()[0].command.command_id(), command({}, v1::COMMAND_ACCEPTED).command());
  EXPECT_TRUE(due().empty());
  EXPECT_EQ(outcome(), "");
}

TEST_F(RuleActionsTest, TheEndOfTheCommandIsASecondAlertUntilThatIsStored) {
  actions.take(alert());
  const auto sent = due()[0].command;
  actions.take(command(sent, v1::COMMAND_DELIVERED));
  actions.take(command(sent, v1::COMMAND_APPLIED));
  ASSERT_EQ(outcome(), "set-lr 0.7x applied at step 12 (0.1 -> 0.07)");
  auto stored = alert();
  *stored.mutable_alert() = actions.outcomes(kNow)[0].alert;
  EXPECT_EQ(stored.alert().alert_id(), "spike-1-action");
  actions.take(stored);
  EXPECT_EQ(outcome(), "");
  EXPECT_TRUE(due().empty());
}

TEST_F(RuleActionsTest, AnotherWatcherAfterARestartNamesTheCommandTheSame) {
  actions.take(alert());
  RuleActions restarted(set, "other");
  restarted.take(alert());
  EXPECT_EQ(restarted.due({{&view, Liveness::kAlive}}, kNow + 5000)[0].command.command_id(),
            due()[0].command.command_id());
  restarted.take(command(due()[0].command, v1::COMMAND_REJECTED));
  EXPECT_TRUE(restarted.due({{&view, Liveness::kAlive}}, kNow + 5000).empty());
  EXPECT_EQ(restarted.outcomes(kNow)[0].alert.message(), "set-lr 0.7x rejected: no handler");
}

TEST_F(RuleActionsTest, WhatIsLaterThanAMinuteIsNotDone) {
  actions.take(alert());
  EXPECT_TRUE(due(RuleActions::kSoonMs + 1).empty());
  EXPECT_TRUE(due().empty()) << "forgotten";
}

TEST_F(RuleActionsTest, ATrainerThatIsGoneIsNotCommandedAndThatIsSaid) {
  for (const auto state : {Liveness::kDead, Liveness::kCompleted, Liveness::kFailed, Liveness::kStopped}) {
    RuleActions mine(set, "head");
    mine.take(alert());
    EXPECT_TRUE(mine.due({{&view, state}}, kNow).empty());
    EXPECT_EQ(mine.outcomes(kNow)[0].alert.message(),
              "set-lr 0.7x not done: the trainer is " + std::string(liveness_name(state)));
  }
  actions.take(alert("spike", "spike-1", 6));
  EXPECT_TRUE(due(RuleActions::kOldListMs).empty());
  EXPECT_THAT(outcome(), HasSubstr("not done: that incarnation has ended"));
}

TEST_F(RuleActionsTest, ATrainerThatCannotBeSeenOrWhoseListIsOldIsCommandedLater) {
  actions.take(alert("spike", "spike-1", 8));
  EXPECT_TRUE(due().empty());
  v1::MetricsRequest record;
  record.set_incarnation(8);
  record.mutable_batch_data()->set_learning_rate(0.1);
  view.fold(v1::KIND_BATCH, record, kNow);
  EXPECT_TRUE(due(0, Liveness::kUnreachable).empty());
  EXPECT_EQ(due().size(), 1u);
}

TEST_F(RuleActionsTest, AFactorNeedsALearningRate) {
  TrainerView silent{{"r", "t"}};
  v1::MetricsRequest record;
  record.set_incarnation(7);
  record.mutable_batch_data();
  silent.fold(v1::KIND_BATCH, record, kNow);
  actions.take(alert());
  EXPECT_TRUE(actions.due({{&silent, Liveness::kAlive}}, kNow).empty());
  EXPECT_THAT(outcome(), HasSubstr("never said its learning rate"));
}

TEST_F(RuleActionsTest, OtherAlertsAndCommandsAreNoneOfItsBusiness) {
  actions.take(alert("plateau", "plateau-1"));
  actions.take(alert("unknown", "unknown-1"));
  auto ended = alert();
  ended.mutable_alert()->set_active(false);
  actions.take(ended);
  actions.take(command({}, v1::COMMAND_APPLIED));
  EXPECT_TRUE(due().empty());
  EXPECT_EQ(outcome(), "");
}

}  // namespace
}  // namespace trainbus
