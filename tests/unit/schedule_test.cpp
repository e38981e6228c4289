// The schedule's format: what is written is read back, and what is wrong is said with its line.

#include "trainbus/schedule.hpp"

#include <gmock/gmock.h>

namespace trainbus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string problem_of(const std::string& text) {
  try {
    parse_schedule(text, "edits.txt");
  } catch (const std::invalid_argument& problem) {
    return problem.what();
  }
  return "none";
}

TEST(Schedule, ReadsBackExactlyWhatItWrote) {
  const std::vector<ScheduledEdit> edits{{0, v1::ADJUST_BATCH_SIZE, "64", "128"},
                                         {120, v1::CHANGE_LEARNING_RATE, "0.01", "0.0012345678901234567"},
                                         {120, v1::PAUSE_TRAINING},
                                         {120, v1::RESUME_TRAINING},
                                         {130, v1::SET_KNOB, "0.1", "on", "weight_decay"},
                                         {130, v1::SET_KNOB, "", "", "save_checkpoint"},
                                         {18446744073709551615u, v1::STOP_TRAINING}};
  EXPECT_EQ(parse_schedule("# r/t\n" + schedule_text(edits), "edits.txt"), edits);
  EXPECT_EQ(edits[1].value(), 0.0012345678901234567);
}

TEST(Schedule, IsWrittenByHandWithOrWithoutOldValuesAndWithComments) {
  EXPECT_THAT(
      parse_schedule("\n# first\r\n 7 set-lr 1e-3 # slower\r\n9\tset-lr\t1e-3  ->  5e-4\n9 stop", ""),
      ElementsAre(ScheduledEdit{7, v1::CHANGE_LEARNING_RATE, "", "1e-3"},
                  ScheduledEdit{9, v1::CHANGE_LEARNING_RATE, "1e-3", "5e-4"}, ScheduledEdit{9, v1::STOP_TRAINING}));
  EXPECT_THAT(parse_schedule("3 set momentum 0.5\n4 set validate", ""),
              ElementsAre(ScheduledEdit{3, v1::SET_KNOB, "", "0.5", "momentum"},
                          ScheduledEdit{4, v1::SET_KNOB, "", "", "validate"}));
  EXPECT_THAT(parse_schedule("", ""), IsEmpty());
}

TEST(Schedule, SaysWhichLineAndValueIsWrong) {
  EXPECT_EQ(problem_of("1 stop\nx stop"), "edits.txt line 2: 'x' is not a step: a whole number from 0");
  EXPECT_EQ(problem_of("-1 stop"), "edits.txt line 1: '-1' is not a step: a whole number from 0");
  EXPECT_EQ(problem_of("#\n\n5"), "edits.txt line 3: nothing to do at step 5");
  EXPECT_EQ(problem_of("5 jump"),
            "edits.txt line 1: 'jump' is none of set-lr, set-batch-size, set, pause, resume, stop");
  EXPECT_EQ(problem_of("5 set-lr"), "edits.txt line 1: learning rate must be a finite number above 0, got nothing");
  EXPECT_EQ(problem_of("5 set-lr 0.1 -> nan"),
            "edits.txt line 1: learning rate must be a finite number above 0, got 'nan'");
  EXPECT_EQ(problem_of("5 set-batch-size 1.5"),
            "edits.txt line 1: batch size must be a whole number from 1 to 1048576, got '1.5'");
  EXPECT_EQ(problem_of("5 stop now"), "edits.txt line 1: 'now' is more than stop takes");
  EXPECT_EQ(problem_of("5 set-lr 1 2"), "edits.txt line 1: '2' is more than set-lr takes");
  EXPECT_THAT(problem_of("5 set"), ::testing::StartsWith("edits.txt line 1: "));
  EXPECT_THAT(problem_of("5 set a/b 1"), ::testing::HasSubstr("'a/b'"));
  EXPECT_EQ(problem_of("5 set momentum 1 2"), "edits.txt line 1: '2' is more than set takes");
  EXPECT_EQ(problem_of("9 stop\n5 stop"), "edits.txt line 2: step 5 is below the 9 of the line before");
}

}  // namespace
}  // namespace trainbus
