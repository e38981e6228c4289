// When the rules of a file raise: for, clear_after, quiet, patterns, events, restarts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "alert_rules.hpp"
#include "rules_file.hpp"

namespace trainbus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kStart = 1'700'000'000'000;

// A trainer of one epoch a second, seen by a watcher that stores what it raises.
class RuleIncidents : public ::testing::Test {
 protected:
  void rules_are(const std::string& text, bool acting = false) {
    rules = std::make_unique<AlertRules>(parse_rules("rules: " + text, "f"), acting);
  }
  void epoch(double loss, std::uint64_t incarnation = 1) {
    v1::MetricsRequest record = of(incarnation);
    record.mutable_epoch_data()->set_epoch(++epochs);
    record.mutable_epoch_data()->set_step(static_cast<std::uint64_t>(epochs));
    record.mutable_epoch_data()->set_average_loss(loss);
    rules->take(record);
  }
  void status(v1::TrainingStatus status, std::uint64_t incarnation = 1) {
    v1::MetricsRequest record = of(incarnation);
    record.mutable_status_update()->set_status(status);
    view.fold(v1::KIND_STATUS, record, now);
  }
  // At `second`: what was raised, "plateau+" or "plateau-". The trainer sends a heartbeat first, unless silent.
  std::vector<std::string> at(int second, Liveness state = Liveness::kAlive, bool silent = false) {
    now = kStart + second * 1000;
    if (!silent) {
      v1::MetricsRequest record = of(std::max<std::uint64_t>(1, view.figures().incarnation));
      record.mutable_heartbeat()->set_sequence_number(static_cast<std::uint32_t>(second) + 1);
      record.mutable_heartbeat()->set_step(1);
      view.fold(v1::KIND_HEARTBEAT, record, now);
    }
    std::vector<std::string> raised;
    for (const auto& due : rules->judge(view, state, now)) {
      rules->stored(due.session_id, due.alert);
      journal.push_back(due);
      raised.push_back(due.alert.rule() + (due.alert.active() ? '+' : '-'));
    }
    rules->looked("r/t", view.figures().incarnation);
    return raised;
  }
  // A new watcher that has read the journal.
  void restart(const std::string& text) {
    rules_are(text);
    for (const auto& due : journal)
      rules->stored(due.session_id, due.alert);
  }
  static v1::MetricsRequest of(std::uint64_t incarnation) {
    v1::MetricsRequest record;
    record.set_session_id("r/t");
    record.set_incarnation(incarnation);
    return record;
  }

  std::unique_ptr<AlertRules> rules;
  TrainerView view{{"r", "t"}};
  std::vector<DueAlert> journal;
  std::int64_t now = kStart;
  int epochs = 0;
};

TEST_F(RuleIncidents, AConditionMustHoldOnEndBeforeItIsRaised) {
  rules_are("[{on: stalled, for: 3s}]");
  EXPECT_THAT(at(0, Liveness::kStalled), IsEmpty());
  EXPECT_THAT(at(2, Liveness::kStalled), IsEmpty());
  EXPECT_THAT(at(3, Liveness::kAlive), IsEmpty());
  EXPECT_THAT(at(4, Liveness::kStalled), IsEmpty()) << "from the beginning again";
  EXPECT_THAT(at(7, Liveness::kStalled), ElementsAre("stalled+"));
  EXPECT_THAT(at(8, Liveness::kStalled), IsEmpty());
  EXPECT_THAT(at(9, Liveness::kAlive), ElementsAre("stalled-"));
}

TEST_F(RuleIncidents, AnOpenOneEndsOnlyAfterItWasClearOnEnd) {
  rules_are("[{on: stalled, clear_after: 5s}]");
  EXPECT_THAT(at(0, Liveness::kStalled), ElementsAre("stalled+"));
  EXPECT_THAT(at(1, Liveness::kAlive), IsEmpty());
  EXPECT_THAT(at(5, Liveness::kStalled), IsEmpty());
  EXPECT_THAT(at(6, Liveness::kAlive), IsEmpty());
  EXPECT_THAT(at(10, Liveness::kAlive), IsEmpty());
  EXPECT_THAT(at(11, Liveness::kAlive), ElementsAre("stalled-"));
}

TEST_F(RuleIncidents, IsQuietAfterOneWasRaisedAlsoOverARestart) {
  const std::string text = "[{on: stalled, quiet: 1min}]";
  rules_are(text);
  EXPECT_THAT(at(0, Liveness::kStalled), ElementsAre("stalled+"));
  EXPECT_THAT(at(10, Liveness::kAlive), ElementsAre("stalled-"));
  EXPECT_THAT(at(20, Liveness::kStalled), IsEmpty());
  restart(text);
  EXPECT_THAT(at(30, Liveness::kStalled), IsEmpty());
  EXPECT_THAT(at(60, Liveness::kStalled), ElementsAre("stalled+")) << "it holds still";
}

TEST_F(RuleIncidents, OnlyTrainersOfItsPatternsConcernARule) {
  rules_are("[{on: stalled, runs: [x*, r]}, {name: other, on: stalled, trainers: \"t?\"}]");
  EXPECT_THAT(at(0, Liveness::kStalled), ElementsAre("stalled+"));
}

TEST_F(RuleIncidents, AnEventIsRaisedOnceAnIncarnationAndHasNoEnd) {
  rules_are("[{on: finished}]");
  status(v1::COMPLETED);
  EXPECT_THAT(at(0, Liveness::kCompleted), ElementsAre("finished+"));
  EXPECT_EQ(rules->open(), 0u);
  EXPECT_THAT(at(1, Liveness::kCompleted), IsEmpty());
  restart("[{on: finished}]");
  EXPECT_THAT(at(2, Liveness::kCompleted), IsEmpty());
  status(v1::RUNNING, 2);
  EXPECT_THAT(at(3, Liveness::kAlive), IsEmpty()) << "no end of what has none";
  status(v1::COMPLETED, 2);
  EXPECT_THAT(at(4, Liveness::kCompleted), ElementsAre("finished+"));
}

TEST_F(RuleIncidents, ATrainerOfLongAgoRaisesOnlyWhatIsOfAnyTime) {
  rules_are("[{on: finished}, {on: dead}, {on: plateau, over: 2 epochs}]");
  for (int i = 0; i < 5; ++i)
    epoch(1);
  status(v1::COMPLETED);
  EXPECT_THAT(at(601, Liveness::kCompleted, true), IsEmpty());
  EXPECT_THAT(at(602, Liveness::kDead, true), ElementsAre("dead+"));
  EXPECT_THAT(at(603, Liveness::kCompleted), ElementsAre("finished+", "dead-", "plateau+")) << "heard again";
}

TEST_F(RuleIncidents, ARestartNeitherEndsNorRepeatsWhatItCannotJudgeYet) {
  const std::string text = "[{on: plateau, over: 2 epochs}]";
  rules_are(text);
  for (const double loss : {1.0, 1.0, 1.0})
    epoch(loss);
  EXPECT_THAT(at(0), ElementsAre("plateau+"));
  restart(text);
  EXPECT_THAT(at(1), IsEmpty());
  EXPECT_EQ(rules->open(), 1u);
  epoch(1);
  epoch(0.5);
  EXPECT_THAT(at(2), ElementsAre("plateau-"));
}

TEST_F(RuleIncidents, ANewIncarnationStartsFromNothingAndEndsWhatWasOpen) {
  rules_are("[{on: plateau, over: 2 epochs}]");
  for (const double loss : {1.0, 1.0, 1.0})
    epoch(loss);
  EXPECT_THAT(at(0), ElementsAre("plateau+"));
  status(v1::RUNNING, 2);
  epoch(1, 2);
  epoch(1, 1);  // late, of the old one
  epoch(1, 2);
  EXPECT_THAT(at(1), ElementsAre("plateau-"));
  epoch(1, 2);
  EXPECT_THAT(at(2), ElementsAre("plateau+"));
}

TEST_F(RuleIncidents, TheMessageSaysWhetherTheRuleActs) {
  rules_are("[{on: stalled, then: pause}]");
  at(0, Liveness::kStalled);
  EXPECT_THAT(journal.at(0).alert.message(), ::testing::EndsWith("; would pause (acting is off)"));
  journal.clear();
  rules_are("[{on: stalled, then: pause}]", true);
  at(1, Liveness::kStalled);
  EXPECT_THAT(journal.at(0).alert.message(), ::testing::EndsWith("; action: pause"));
}

TEST_F(RuleIncidents, AnAlertOfAnActionIsNoIncident) {
  rules_are("[{on: stalled, then: pause}]", true);
  at(0, Liveness::kStalled);
  v1::Alert outcome = journal.at(0).alert;
  outcome.set_alert_id(action_alert_id(outcome.alert_id()));
  at(1, Liveness::kAlive);
  EXPECT_EQ(rules->open(), 0u);
  rules->stored("r/t", outcome);
  EXPECT_EQ(rules->open(), 0u);
}

}  // namespace
}  // namespace trainbus
