#include "broker/command_registry.hpp"

#include <gtest/gtest.h>

namespace trainbus {
namespace {

constexpr std::int64_t kNow = 1'000'000;  // steady
constexpr std::int64_t kUnix = 1'763'900'000'000;

class CommandRegistryTest : public testing::Test {
 protected:
  CommandRegistry::Entry& issue(std::uint64_t expected_incarnation = 0) {
    v1::ControlCommand command;
    command.set_command_id(id_);
    command.set_type(v1::PAUSE_TRAINING);
    command.set_expected_incarnation(expected_incarnation);
    return registry_.issue("r/t", command, target_, kNow, kUnix, is_new_);
  }
  CommandRegistry::Entry* report(v1::CommandState state) {
    v1::ControlCommand command;
    command.set_command_id(id_);
    command.set_state(state);
    return registry_.report("r/t", command, kNow);
  }
  CommandRegistry::Due due(std::int64_t now_ms) {
    return registry_.due(now_ms, [this](const std::string&, std::uint64_t) { return target_; });
  }
  v1::CommandState state() { return registry_.find("r/t", id_)->command.state(); }
  void stored() { registry_.stored("r/t", id_, state()); }

  CommandRegistry registry_;
  TargetFacts target_{7, false, true};
  const std::string id_ = new_command_id();
  bool is_new_ = false;
};

TEST_F(CommandRegistryTest, AcceptedIsSentOnlyOnceItIsStoredAndAgainUntilDelivered) {
  issue();
  EXPECT_TRUE(due(kNow).to_send.empty());
  stored();
  EXPECT_EQ(due(kNow).to_send.size(), 1u);
  EXPECT_EQ(due(kNow + 1).to_send.size(), 0u);
  EXPECT_EQ(due(kNow + CommandRegistry::kResendUndeliveredMs).to_send.size(), 1u);
}

TEST_F(CommandRegistryTest, TheSameIdTwiceIsOneCommand) {
  issue();
  EXPECT_TRUE(is_new_);
  report(v1::COMMAND_DELIVERED);
  EXPECT_EQ(issue().command.state(), v1::COMMAND_DELIVERED);
  EXPECT_FALSE(is_new_);
}

TEST_F(CommandRegistryTest, ReportsOnlyMoveForwardAndNeverPastAnEnd) {
  issue();
  EXPECT_NE(report(v1::COMMAND_APPLIED), nullptr);
  EXPECT_EQ(report(v1::COMMAND_DELIVERED), nullptr);
  EXPECT_EQ(report(v1::COMMAND_REJECTED), nullptr);
  EXPECT_EQ(state(), v1::COMMAND_APPLIED);
  EXPECT_EQ(registry_.open_count(), 0u);
}

TEST_F(CommandRegistryTest, ATrainerCannotClaimAStateThatIsNotItsToGive) {
  issue();
  EXPECT_EQ(report(v1::COMMAND_UNKNOWN), nullptr);
  EXPECT_EQ(report(v1::COMMAND_ACCEPTED), nullptr);
  EXPECT_EQ(state(), v1::COMMAND_ACCEPTED);
}

TEST_F(CommandRegistryTest, ExpiresWhenItIsNotDeliveredInTime) {
  issue();
  EXPECT_TRUE(due(kNow + CommandRegistry::kDefaultDeadlineMs).moved.empty());
  EXPECT_EQ(due(kNow + CommandRegistry::kDefaultDeadlineMs + 1).moved.size(), 1u);
  EXPECT_EQ(state(), v1::COMMAND_EXPIRED);
}

TEST_F(CommandRegistryTest, IsUnknownWhenItsIncarnationEndsAfterDelivery) {
  issue();
  report(v1::COMMAND_DELIVERED);
  target_.incarnation = 8;
  due(kNow + 1);
  EXPECT_EQ(state(), v1::COMMAND_UNKNOWN);
}

TEST_F(CommandRegistryTest, IsRejectedWhenItsIncarnationEndsBeforeDelivery) {
  issue();
  target_.incarnation = 8;
  due(kNow + 1);
  EXPECT_EQ(state(), v1::COMMAND_REJECTED);
}

TEST_F(CommandRegistryTest, IsUnknownWhenTheTrainerIsNeverHeardAgain) {
  issue();
  report(v1::COMMAND_DELIVERED);
  const auto late = kNow + CommandRegistry::kDefaultDeadlineMs + CommandRegistry::kUnheardIsUnknownMs + 1;
  due(late);
  EXPECT_EQ(state(), v1::COMMAND_DELIVERED) << "it is heard: it may still answer";
  target_.heard_recently = false;
  due(late);
  EXPECT_EQ(state(), v1::COMMAND_UNKNOWN);
}

TEST_F(CommandRegistryTest, RefusesAnEndedTrainingAndAnotherIncarnation) {
  EXPECT_EQ(issue(6).command.state(), v1::COMMAND_REJECTED);
  EXPECT_NE(registry_.find("r/t", id_)->command.reason().find('6'), std::string::npos);
  target_.ended = true;
  CommandRegistry other;
  v1::ControlCommand command;
  command.set_command_id(id_);
  EXPECT_EQ(other.issue("r/t", command, target_, kNow, kUnix, is_new_).command.state(), v1::COMMAND_REJECTED);
}

TEST_F(CommandRegistryTest, RefusesWhatThePlanOfTheTrainerRefuses) {
  target_.refusal = "weight_decay must be a number from 0 to 1, got '2'";
  EXPECT_EQ(issue().command.state(), v1::COMMAND_REJECTED);
  EXPECT_EQ(registry_.find("r/t", id_)->command.reason(), target_.refusal);
}

// N5: the clock of whoever asks may be a minute behind, or a month ahead.
TEST_F(CommandRegistryTest, ADeadlineIsADurationWhateverTheClockOfTheIssuerSays) {
  v1::ControlCommand command;
  command.set_command_id(id_);
  command.set_type(v1::PAUSE_TRAINING);
  command.set_deadline_ms(kUnix - 60'000);
  const auto& entry = registry_.issue("r/t", command, target_, kNow, kUnix, is_new_);
  EXPECT_EQ(entry.command.state(), v1::COMMAND_ACCEPTED);
  EXPECT_EQ(entry.command.deadline_ms(), kUnix + CommandRegistry::kDefaultDeadlineMs);
  EXPECT_EQ(entry.command.time_to_live_ms(), CommandRegistry::kDefaultDeadlineMs);
}

TEST_F(CommandRegistryTest, ATimeToLiveBelowZeroIsOver) {
  v1::ControlCommand command;
  command.set_command_id(id_);
  command.set_type(v1::PAUSE_TRAINING);
  command.set_time_to_live_ms(-1);
  EXPECT_EQ(registry_.issue("r/t", command, target_, kNow, kUnix, is_new_).command.state(), v1::COMMAND_EXPIRED);
}

TEST_F(CommandRegistryTest, ReadsItselfBackFromItsRecords) {
  v1::ControlCommand command;
  command.set_command_id(id_);
  command.set_expected_incarnation(7);
  command.set_deadline_ms(kUnix + 1000);
  command.set_time_to_live_ms(30'000);
  for (const auto each : {v1::COMMAND_ACCEPTED, v1::COMMAND_DELIVERED}) {
    command.set_state(each);
    registry_.restore("r/t", command, kNow, kUnix);
  }
  EXPECT_EQ(state(), v1::COMMAND_DELIVERED);
  EXPECT_EQ(due(kNow).to_send.size(), 1u) << "asks the trainer what became of it";
  EXPECT_EQ(registry_.find_by_session("r/*").size(), 1u);
  EXPECT_EQ(registry_.find_by_session("rr/*").size(), 0u);
}

// The broker's own clock jumped while it was down: a command has what was left of its time, at most all of it.
TEST_F(CommandRegistryTest, AfterARestartACommandHasNoMoreTimeThanItHad) {
  v1::ControlCommand command;
  command.set_command_id(id_);
  command.set_expected_incarnation(7);
  command.set_state(v1::COMMAND_ACCEPTED);
  command.set_time_to_live_ms(30'000);
  command.set_deadline_ms(kUnix + 10'000);
  registry_.restore("r/t", command, kNow, kUnix);
  EXPECT_EQ(registry_.find("r/t", id_)->expires_ms, kNow + 10'000);
  CommandRegistry set_back, set_ahead;
  set_back.restore("r/t", command, kNow, kUnix - 3'600'000);
  EXPECT_EQ(set_back.find("r/t", id_)->expires_ms, kNow + 30'000);
  set_ahead.restore("r/t", command, kNow, kUnix + 3'600'000);
  EXPECT_EQ(set_ahead.find("r/t", id_)->expires_ms, kNow);
}

TEST_F(CommandRegistryTest, RemembersABoundedNumberOfEndedCommands) {
  for (std::size_t i = 0; i < CommandRegistry::kMaxEnded + 5; ++i) {
    v1::ControlCommand command;
    command.set_command_id(std::to_string(i));
    command.set_state(v1::COMMAND_APPLIED);
    registry_.restore("r/t", command, kNow, kUnix);
  }
  EXPECT_EQ(registry_.find_by_session("r/t").size(), CommandRegistry::kMaxEnded);
  EXPECT_EQ(registry_.find("r/t", "0"), nullptr);
}

TEST_F(CommandRegistryTest, OnlyWhatAnIssuerDecidesIsTakenOver) {
  v1::ControlCommand command;
  command.set_command_id(id_);
  command.set_type(v1::PAUSE_TRAINING);
  command.set_time_to_live_ms(INT64_MAX);
  command.set_reason(std::string(100'000, 'x'));
  command.set_new_value("x");
  command.set_state(v1::COMMAND_APPLIED);
  const auto& entry = registry_.issue("r/t", command, target_, kNow, kUnix, is_new_);
  EXPECT_EQ(entry.command.state(), v1::COMMAND_ACCEPTED);
  EXPECT_EQ(entry.command.reason(), "");
  EXPECT_EQ(entry.command.new_value(), "");
  EXPECT_EQ(entry.command.deadline_ms(), kUnix + CommandRegistry::kMaxDeadlineMs);
}

TEST_F(CommandRegistryTest, ALongReasonIsCutToTextThatCanBeParsed) {
  issue();
  v1::ControlCommand said;
  said.set_command_id(id_);
  said.set_state(v1::COMMAND_REJECTED);
  std::string euros;
  for (int i = 0; i < 2000; ++i)
    euros += "\xe2\x82\xac";
  said.set_reason(euros);
  said.set_old_value(euros);
  const auto* entry = registry_.report("r/t", said, kNow);
  ASSERT_NE(entry, nullptr);
  EXPECT_LE(entry->command.reason().size(), kMaxTextBytes);
  v1::ControlCommand read_back;
  EXPECT_TRUE(read_back.ParseFromString(entry->command.SerializeAsString()));
}

TEST_F(CommandRegistryTest, HasRoomForSoManyOpenCommandsAndNoMore) {
  EXPECT_TRUE(registry_.has_room(CommandRegistry::kMaxOpen));
  issue();
  EXPECT_FALSE(registry_.has_room(CommandRegistry::kMaxOpen));
  report(v1::COMMAND_APPLIED);
  EXPECT_TRUE(registry_.has_room(CommandRegistry::kMaxOpen));
}

}  // namespace
}  // namespace trainbus
