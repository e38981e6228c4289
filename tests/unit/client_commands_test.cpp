// What a gRPC client shows is its answer to a command.

#include "producers/grpc/client_commands.hpp"

#include <gmock/gmock.h>

#include <limits>

namespace trainbus {
namespace {

using Answers = std::vector<v1::ControlCommand>;

v1::ControlCommand command(v1::CommandType type, const std::string& value = {}, const std::string& id = "c") {
  v1::ControlCommand made;
  made.set_type(type);
  made.set_command_id(id);
  made.set_time_to_live_ms(1000);
  if (!value.empty()) (*made.mutable_parameters())["value"] = value;
  return made;
}

v1::MetricsRequest status(v1::TrainingStatus status) {
  v1::MetricsRequest made;
  made.mutable_status_update()->set_status(status);
  return made;
}

v1::MetricsRequest batch(int size, std::optional<double> rate = {}) {
  v1::MetricsRequest made;
  made.mutable_batch_data()->set_batch_size(size);
  if (rate) made.mutable_batch_data()->set_learning_rate(*rate);
  return made;
}

TEST(ClientCommands, AStatusShowsAPauseAndAResume) {
  ClientCommands commands;
  commands.sent(command(v1::PAUSE_TRAINING), 0);
  EXPECT_TRUE(commands.seen(batch(1), 1).empty());
  EXPECT_TRUE(commands.seen(status(v1::RUNNING), 1).empty());
  const Answers answers = commands.seen(status(v1::PAUSED), 7);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].state(), v1::COMMAND_APPLIED);
  EXPECT_EQ(answers[0].applied_step(), 7U);
  commands.sent(command(v1::RESUME_TRAINING), 0);
  EXPECT_EQ(commands.seen(status(v1::RUNNING), 7).size(), 1U);
}

TEST(ClientCommands, ALearningRateIsAppliedWhenARecordHasIt) {
  ClientCommands commands;
  EXPECT_TRUE(commands.seen(batch(1, 0.1), 1).empty());
  v1::ControlCommand asked = command(v1::SET_KNOB, "0.025");
  (*asked.mutable_parameters())["name"] = "learning_rate";
  const v1::ControlCommand sent = commands.sent(asked, 0);
  EXPECT_EQ(sent.type(), v1::CHANGE_LEARNING_RATE);
  EXPECT_EQ(sent.parameters().size(), 1U);
  EXPECT_EQ(sent.parameters().at("value"), "0.025");
  EXPECT_TRUE(commands.seen(batch(1, 0.1), 2).empty());
  v1::MetricsRequest epoch;
  epoch.mutable_epoch_data()->set_learning_rate(static_cast<double>(0.025F));  // the client keeps a float
  const Answers answers = commands.seen(epoch, 3);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].old_value(), "0.1");
  EXPECT_EQ(answers[0].new_value(), "0.025");
}

TEST(ClientCommands, ABatchSizeIsAppliedWhenABatchHasIt) {
  ClientCommands commands;
  static_cast<void>(commands.seen(batch(32), 1));
  commands.sent(command(v1::ADJUST_BATCH_SIZE, "64"), 0);
  EXPECT_TRUE(commands.seen(batch(32), 2).empty());
  EXPECT_TRUE(commands.seen(batch(0), 2).empty());
  const Answers answers = commands.seen(batch(64), 3);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].old_value(), "32");
}

TEST(ClientCommands, AnEndOfTheStreamIsAStop) {
  ClientCommands commands;
  commands.sent(command(v1::PAUSE_TRAINING, {}, "pause"), 0);
  commands.sent(command(v1::STOP_TRAINING, {}, "stop"), 0);
  const Answers answers = commands.stream_ended(5);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].command_id(), "stop");
  commands.sent(command(v1::STOP_TRAINING, {}, "again"), 0);
  EXPECT_EQ(commands.seen(status(v1::COMPLETED), 6).size(), 1U);
}

TEST(ClientCommands, WhoShowsNothingInTimeLetsItExpire) {
  ClientCommands commands;
  commands.sent(command(v1::PAUSE_TRAINING), 100);
  EXPECT_TRUE(commands.expired(1099).empty());
  const Answers answers = commands.expired(1100);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].state(), v1::COMMAND_EXPIRED);
  EXPECT_FALSE(answers[0].reason().empty());
  EXPECT_TRUE(commands.expired(std::numeric_limits<std::int64_t>::max()).empty());
}

TEST(ClientCommands, AReportIsTakenAsItIsOfCommandsThatWereSent) {
  ClientCommands commands;
  commands.sent(command(v1::SET_KNOB, "3", "known"), 0);
  v1::MetricsRequest report;
  report.mutable_command_report()->set_command_id("unknown");
  report.mutable_command_report()->set_state(v1::COMMAND_REJECTED);
  report.mutable_command_report()->set_reason("not now");
  EXPECT_TRUE(commands.seen(report, 1).empty());
  report.mutable_command_report()->set_command_id("known");
  report.mutable_command_report()->set_state(v1::COMMAND_DELIVERED);
  EXPECT_TRUE(commands.seen(report, 1).empty());
  report.mutable_command_report()->set_state(v1::COMMAND_REJECTED);
  const Answers answers = commands.seen(report, 1);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].state(), v1::COMMAND_REJECTED);
  EXPECT_EQ(answers[0].reason(), "not now");
  EXPECT_TRUE(commands.seen(report, 1).empty());
}

}  // namespace
}  // namespace trainbus
