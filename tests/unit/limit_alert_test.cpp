// The alert of a producer that leaves something out, with time as an argument.

#include "limit_alert.hpp"

#include <gtest/gtest.h>

namespace trainbus {
namespace {

using std::chrono::seconds;

class LimitAlertTest : public testing::Test {
 protected:
  const LimitAlert::Clock::time_point start_ = LimitAlert::Clock::time_point{} + seconds(1000);
  LimitAlert alert_{7};
};

TEST_F(LimitAlertTest, IsRepeatedUntilItIsAnsweredAndEndsOnceNothingWasLeftOutForLong) {
  EXPECT_EQ(alert_.due(start_), nullptr);
  alert_.met("3 records were refused", start_);
  const auto* first = alert_.due(start_);
  ASSERT_NE(first, nullptr);
  const auto id = first->alert_id();
  EXPECT_NE(id, "");
  EXPECT_EQ(first->rule(), "limit");
  EXPECT_EQ(first->message(), "3 records were refused");
  EXPECT_TRUE(first->active());
  EXPECT_EQ(first->trainer_incarnation(), 7u);
  EXPECT_EQ(alert_.due(start_), nullptr) << "it was told a moment ago";
  ASSERT_NE(alert_.due(start_ + LimitAlert::kAgain), nullptr);
  alert_.answered();
  alert_.met("4 records were refused", start_ + seconds(50));
  EXPECT_EQ(alert_.due(start_ + seconds(109)), nullptr);
  const auto* end = alert_.due(start_ + seconds(110));
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(end->alert_id(), id);
  EXPECT_FALSE(end->active());
  alert_.answered();
  alert_.met("5 records were refused", start_ + seconds(200));
  EXPECT_NE(alert_.due(start_ + seconds(200))->alert_id(), id) << "another one";
}

TEST_F(LimitAlertTest, EndsWithTheTraining) {
  EXPECT_EQ(alert_.end(start_), nullptr);
  alert_.met("a record was refused", start_);
  alert_.due(start_);
  alert_.answered();
  const auto* end = alert_.end(start_);
  ASSERT_NE(end, nullptr);
  EXPECT_FALSE(end->active());
}

}  // namespace
}  // namespace trainbus
