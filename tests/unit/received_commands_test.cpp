#include "received_commands.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "commands.hpp"
#include "trainbus/knobs.hpp"

namespace trainbus {
namespace {

constexpr std::uint64_t kIncarnation = 42;
constexpr std::int64_t kNow = 1'000'000;

v1::ControlCommand command(char digit, v1::CommandType type, const std::string& value = {}) {
  v1::ControlCommand command;
  command.set_command_id(std::string(32, digit));
  command.set_type(type);
  command.set_expected_incarnation(kIncarnation);
  command.set_time_to_live_ms(60'000);
  if (!value.empty()) (*command.mutable_parameters())["value"] = value;
  return command;
}

// "DELIVERED", "REJECTED: why", "APPLIED 7: 0.1 -> 0.2": what was reported since the last call.
std::vector<std::string> said(std::vector<v1::ControlCommand> reports) {
  std::vector<std::string> lines;
  for (const auto& report : reports) {
    std::string line(command_state_name(report.state()));
    if (report.state() == v1::COMMAND_APPLIED)
      line += ' ' + std::to_string(report.applied_step()) + ": " + report.old_value() + " -> " + report.new_value();
    if (!report.reason().empty()) line += ": " + report.reason();
    lines.push_back(line);
  }
  return lines;
}
using Lines = std::vector<std::string>;

TEST(ReceivedCommands, DeliversOnceAndRepeatsTheStoredAnswer) {
  ReceivedCommands commands(kIncarnation);
  const auto pause = command('a', v1::PAUSE_TRAINING);
  commands.receive(pause, kNow);
  commands.receive(pause, kNow);
  EXPECT_EQ(said(commands.take_reports()), (Lines{"DELIVERED", "DELIVERED"}));
  auto next = commands.take_next(kNow);
  ASSERT_TRUE(next);
  EXPECT_FALSE(commands.take_next(kNow));
  commands.applied(std::move(*next), 7, "RUNNING", "PAUSED");
  commands.receive(pause, kNow);
  EXPECT_FALSE(commands.has_waiting());
  EXPECT_EQ(said(commands.take_reports()), (Lines{"APPLIED 7: RUNNING -> PAUSED", "APPLIED 7: RUNNING -> PAUSED"}));
}

TEST(ReceivedCommands, RejectsWhatIsMeantForAnotherIncarnation) {
  ReceivedCommands commands(kIncarnation);
  auto stop = command('a', v1::STOP_TRAINING);
  stop.set_expected_incarnation(kIncarnation + 1);
  commands.receive(stop, kNow);
  EXPECT_EQ(said(commands.take_reports()), (Lines{"REJECTED: meant for another incarnation of this trainer"}));
  EXPECT_FALSE(commands.has_waiting());
}

TEST(ReceivedCommands, ExpiresWhileWaitingByADurationAndNoClockOfAnother) {
  ReceivedCommands commands(kIncarnation);
  auto soon = command('b', v1::STOP_TRAINING);
  soon.set_time_to_live_ms(10);
  commands.receive(soon, kNow);
  EXPECT_EQ(said(commands.take_reports()), (Lines{"DELIVERED"}));
  EXPECT_TRUE(commands.has_waiting());
  EXPECT_FALSE(commands.take_next(kNow + 10));
  EXPECT_EQ(said(commands.take_reports()), (Lines{"EXPIRED: its time was over before the training reached a step"}));
}

TEST(ReceivedCommands, ChecksValuesAndBoundsWhatWaits) {
  ReceivedCommands commands(kIncarnation);
  commands.receive(command('a', v1::CHANGE_LEARNING_RATE, "-1"), kNow);
  EXPECT_EQ(said(commands.take_reports()),
            (Lines{"REJECTED: learning rate must be a finite number above 0, got '-1'"}));
  for (std::size_t i = 0; i <= ReceivedCommands::kMaxWaiting; ++i) {
    auto one = command('b', v1::PAUSE_TRAINING);
    one.set_command_id(new_command_id());
    commands.receive(one, kNow);
  }
  EXPECT_EQ(said(commands.take_reports()).back(), "REJECTED: too many commands are waiting for a step");
}

TEST(ReceivedCommands, ReportsItsLatestAnswersAgainOnANewConnection) {
  ReceivedCommands commands(kIncarnation);
  commands.receive(command('a', v1::PAUSE_TRAINING), kNow);
  commands.take_reports();
  commands.report_again();
  EXPECT_EQ(said(commands.take_reports()), (Lines{"DELIVERED"}));
}

class CommandsTest : public testing::Test {
 protected:
  bool step() { return commands_.apply_waiting(std::chrono::steady_clock::time_point::min()); }
  Lines reports() { return said(commands_.take_reports(steady_ms())); }

  std::vector<bool> pauses_;
  std::atomic<std::uint64_t> step_{7};
  Commands commands_{kIncarnation,
                     step_,
                     "r/t",
                     {.pause_changed = [this](bool paused) { pauses_.push_back(paused); },
                      .handling = [] {},
                      .handled =
                          [this](const std::string&, const std::string& change) {
                            if (!change.empty()) changes_.push_back(change);
                          },
                      .held = [](const std::string&) {}}};
  std::vector<std::string> changes_;

  void offer(std::string_view name, v1::Knob::Type type, Commands::KnobHandler handler) {
    v1::Knob knob;
    knob.set_name(std::string(name));
    knob.set_type(type);
    EXPECT_EQ(commands_.offer(std::move(knob), std::move(handler), false), "");
  }
};

TEST_F(CommandsTest, NeedNoAttentionUntilOneArrives) {
  EXPECT_FALSE(commands_.need_attention());
  commands_.receive(command('a', v1::CHANGE_LEARNING_RATE, "0.1"), steady_ms());
  EXPECT_TRUE(commands_.need_attention());
  EXPECT_TRUE(step());
  EXPECT_FALSE(commands_.need_attention());
}

TEST_F(CommandsTest, AppliesValuesThroughTheHandlerWithShortestText) {
  double rate = 0.1;
  offer("learning_rate", v1::Knob::NUMBER, [&](const std::string& text) {
    const double value = read_number(text).value();
    return Applied{std::exchange(rate, value), value};
  });
  commands_.receive(command('a', v1::CHANGE_LEARNING_RATE, "0.30000000000000004"), steady_ms());
  EXPECT_TRUE(step());
  EXPECT_EQ(reports(), (Lines{"DELIVERED", "APPLIED 7: 0.1 -> 0.30000000000000004"}));
  EXPECT_EQ(rate, 0.30000000000000004);
}

TEST_F(CommandsTest, RejectsWithoutAHandlerAndWhenItThrows) {
  offer("batch_size", v1::Knob::INTEGER,
        [](const std::string&) -> CommandOutcome { throw std::runtime_error("out of memory"); });
  commands_.receive(command('a', v1::CHANGE_LEARNING_RATE, "0.1"), steady_ms());
  commands_.receive(command('b', v1::ADJUST_BATCH_SIZE, "64"), steady_ms());
  EXPECT_TRUE(step());
  EXPECT_EQ(reports(), (Lines{"DELIVERED", "DELIVERED", "REJECTED: this trainer has no knob 'learning_rate'",
                              "REJECTED: out of memory"}));
}

// The broker refuses a report that is not UTF-8, and the command would never end.
TEST_F(CommandsTest, RejectsWithTextThatTheBrokerCanRead) {
  offer("batch_size", v1::Knob::INTEGER,
        [](const std::string&) -> CommandOutcome { return Rejected{"r\xe9serv\xe9"}; });
  commands_.receive(command('a', v1::ADJUST_BATCH_SIZE, "64"), steady_ms());
  EXPECT_TRUE(step());
  EXPECT_EQ(reports(), (Lines{"DELIVERED", "REJECTED: r?serv?"}));
}

TEST_F(CommandsTest, PausesResumesAndStops) {
  commands_.receive(command('a', v1::PAUSE_TRAINING), steady_ms());
  EXPECT_TRUE(step());
  EXPECT_TRUE(commands_.paused());
  EXPECT_TRUE(commands_.need_attention());
  commands_.receive(command('b', v1::RESUME_TRAINING), steady_ms());
  EXPECT_TRUE(step());
  EXPECT_FALSE(commands_.paused());
  commands_.receive(command('c', v1::STOP_TRAINING), steady_ms());
  EXPECT_FALSE(step());
  EXPECT_FALSE(step());
  EXPECT_TRUE(commands_.stop_commanded());
  EXPECT_EQ(pauses_, (std::vector<bool>{true, false}));
  EXPECT_EQ(reports(), (Lines{"DELIVERED", "APPLIED 7: RUNNING -> PAUSED", "DELIVERED", "APPLIED 7: PAUSED -> RUNNING",
                              "DELIVERED", "APPLIED 7: RUNNING -> STOPPED"}));
}

TEST_F(CommandsTest, InterruptEndsThePause) {
  commands_.receive(command('a', v1::PAUSE_TRAINING), steady_ms());
  commands_.interrupt();
  EXPECT_FALSE(commands_.apply_waiting(std::chrono::steady_clock::time_point::max()));
}

}  // namespace
}  // namespace trainbus
