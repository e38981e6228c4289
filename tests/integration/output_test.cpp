// Output that could not be written is exit code 1 and a line, in every program: a full disk, a reader that has gone, no
// standard output at all.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "tests/support/short_training.hpp"

namespace trainbus {
namespace {

using test::Process;
using test::RunningBroker;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

struct Ways {
  const char* name;
  const char* redirection;  // of a shell command
  const char* reason;
};
constexpr Ways kWays[] = {{"a full disk", "> /dev/full", "No space left on device"},
                          {"a reader that has gone", "> >(exec sleep 0)", "Broken pipe"},
                          {"none", ">&-", "Bad file descriptor"}};

struct Outcome {
  int exit_code;
  std::string errors;
};

// `command`: a program of build/bin and its arguments, for the shell. What it prints goes the given way.
Outcome printing(const std::string& command, const Ways& way) {
  // The reader must be gone before anything is written.
  const std::string script = std::string(way.redirection).starts_with("> >")
                                 ? "exec 3> >(exec true); wait $!; exec \"$0\"/" + command + " >&3"
                                 : "exec \"$0\"/" + command + ' ' + way.redirection;
  Process shell("/bin/bash", {"-c", script, TRAINBUS_BIN});
  const auto code = shell.wait(60s);
  return {code.value_or(-1), shell.output()};
}

std::vector<std::string> programs() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(TRAINBUS_BIN)) {
    const auto name = file.path().filename().string();
    const bool of_tests = name.ends_with("-trainer") || name.ends_with(".so");
    if (name.starts_with("trainbus-") && !of_tests && file.is_regular_file()) names.push_back(name);
  }
  return names;
}

TEST(Output, HelpAndVersionOfEveryProgramThatCannotBeWrittenExitOne) {
  ASSERT_GE(programs().size(), 7U);
  for (const auto& way : kWays)
    for (const auto& program : programs())
      for (const char* flag : {" --help", " --version"}) {
        const auto outcome = printing(program + flag, way);
        EXPECT_EQ(outcome.exit_code, 1) << program << flag << " to " << way.name << ": " << outcome.errors;
        EXPECT_THAT(outcome.errors, HasSubstr(program + ": cannot write to standard output: " + way.reason));
      }
}

class BusOutput : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(test::train_shortly(broker_.address(), "t0", {})); }
  RunningBroker broker_;
};

TEST_F(BusOutput, EveryVerbThatCannotPrintExitsOne) {
  const std::string broker = " --broker " + broker_.address();
  const std::vector<std::string> commands = {"trainbus-ctl list",
                                             "trainbus-ctl --json list",
                                             "trainbus-ctl stats",
                                             "trainbus-ctl --json stats",
                                             "trainbus-ctl commands",
                                             "trainbus-ctl ledger",
                                             "trainbus-ctl --json ledger",
                                             "trainbus-ctl tail --once",
                                             "trainbus-ctl --json tail --once",
                                             "trainbus-ctl tail --once -n 1",
                                             "trainbus-watch --once",
                                             "trainbus-watch --once --json",
                                             "trainbus-loadgen --seconds 1 --json --run out",
                                             "trainbus-loadgen --seconds 1 --run out",
                                             "trainbus-log --once --sink jsonl:-"};
  for (const auto& way : kWays)
    for (const auto& command : commands) {
      const auto outcome = printing(command + broker, way);
      EXPECT_EQ(outcome.exit_code, 1) << command << " to " << way.name << ": " << outcome.errors;
      EXPECT_THAT(outcome.errors, HasSubstr(way.reason)) << command << " to " << way.name;
    }
}

TEST_F(BusOutput, WhatIsWrittenExitsZeroAndSaysNothingOfIt) {
  Process list("trainbus-ctl", {"list", "--broker", broker_.address()});
  EXPECT_EQ(list.wait(20s), 0);
  EXPECT_THAT(list.output(), Not(HasSubstr("cannot write")));
}

// A service goes on without anybody who reads what it prints, says so at once, and in the end by its exit code.
TEST(Output, AServiceGoesOnAndItsExitCodeTellsInTheEnd) {
  test::TempDir dir;
  Process shell("/bin/bash",
                {"-c", "exec \"$0\"/trainbus-broker --listen tcp://127.0.0.1:* --state-dir \"$1\" > /dev/full",
                 TRAINBUS_BIN, dir / "state"});
  ASSERT_TRUE(shell.wait_for("cannot write to standard output: ")) << shell.output();
  EXPECT_FALSE(shell.wait(0s).has_value()) << "it runs on";
  shell.signal(SIGTERM);
  EXPECT_EQ(shell.wait(20s), 1);
}

}  // namespace
}  // namespace trainbus
