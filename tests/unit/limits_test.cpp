// Limits that are met, told while they bite.

#include "trainbus/limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/consumer_losses.hpp"

namespace trainbus {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class LimitsTest : public ::testing::Test {
 protected:
  LimitsTest() {
    table_.add(
        {"streams", "streams", 10, "new ones are refused", [this] { return streams_; }, [this] { return refused_; }});
    table_.add({"memory", "bytes", 64 << 20, "the oldest go", [] { return 3.0; }, [this] { return gone_; }});
  }
  LimitTable table_;
  double streams_ = 1;
  std::uint64_t refused_ = 0;
  std::uint64_t gone_ = 0;
};

TEST_F(LimitsTest, BitesFromTheFirstTimeItIsMetUntilAMinuteAfterTheLast) {
  EXPECT_FALSE(table_.look(0));
  refused_ = 3;
  EXPECT_TRUE(table_.look(1'000));
  EXPECT_THAT(table_.biting(),
              AllOf(HasSubstr("streams (at most 10 streams): new ones are refused"), Not(HasSubstr("memory"))));
  refused_ = 4;
  EXPECT_FALSE(table_.look(31'000)) << "the same as before";
  gone_ = 1;
  EXPECT_TRUE(table_.look(32'000));
  EXPECT_THAT(table_.biting(), HasSubstr("memory (at most 64 MiB): the oldest go"));
  EXPECT_TRUE(table_.look(91'000));
  EXPECT_THAT(table_.biting(), AllOf(HasSubstr("memory"), Not(HasSubstr("streams"))));
  EXPECT_TRUE(table_.look(92'000));
  EXPECT_EQ(table_.biting(), "");
}

TEST_F(LimitsTest, LooksOnceASecondAndShowsWhatIsNow) {
  EXPECT_FALSE(table_.look(0));
  refused_ = 1;
  EXPECT_FALSE(table_.look(999));
  streams_ = 10;
  const auto limits = table_.limits();
  ASSERT_EQ(limits.size(), 2U);
  EXPECT_EQ(limits[0].value(), 10);
  EXPECT_EQ(limits[0].met_total(), 1U);
  EXPECT_TRUE(limits[0].biting());
  EXPECT_FALSE(limits[1].biting());
}

TEST(LimitAmount, IsWrittenAsPeopleReadIt) {
  EXPECT_EQ(limit_amount(200'000, "streams"), "200000 streams");
  EXPECT_EQ(limit_amount(64 << 20, "bytes"), "64 MiB");
  EXPECT_EQ(limit_amount(1536, "bytes"), "1.5 KiB");
  EXPECT_EQ(limit_amount(12, "bytes"), "12 bytes");
}

TEST(ConsumerLosses, WhatWasLostBeforeTheBrokerIsNotTheWayToTheConsumer) {
  ConsumerLosses losses;
  const ConsumerLosses::Reporter one{"peer1", "r/t", 7}, two{"peer2", "r/t", 7};
  losses.report(one, 0, 100, 0);  // the broker had seen 100 gaps before this consumer came
  losses.report(one, 5, 103, 1'000);
  EXPECT_EQ(losses.lost("r/t", 7), 2U);
  losses.report(one, 5, 105, 2'000);
  EXPECT_EQ(losses.lost("r/t", 7), 2U) << "what is known once stays";
  losses.report(two, 0, 105, 2'000);
  losses.report(two, 4, 105, 3'000);
  EXPECT_EQ(losses.lost("r/t", 7), 6U);
  EXPECT_EQ(losses.lost("r/t", 8), 0U);
}

TEST(ConsumerLosses, PastItsBoundNewReportersAreRefusedUntilOldOnesAreForgotten) {
  ConsumerLosses losses;
  for (std::size_t i = 0; i <= ConsumerLosses::kMaxReports; ++i)
    losses.report({"peer" + std::to_string(i), "r/t", 7}, 0, 0, 0);
  EXPECT_EQ(losses.refused(), 1U);
  losses.report({"late", "r/t", 7}, 0, 0, ConsumerLosses::kForgetAfterMs);
  EXPECT_EQ(losses.refused(), 1U);
  EXPECT_EQ(losses.reports(), 1U);
}

}  // namespace
}  // namespace trainbus
