// What --retain and --retain-bytes take, and the time that retention counts in.
#include <gtest/gtest.h>

#include "broker/journal_clock.hpp"
#include "broker/retention_text.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 24 * kHourMs;

TEST(RetentionText, ReadsTimesAndSizes) {
  EXPECT_EQ(parse_retained_age("30d"), 30 * kDayMs);
  EXPECT_EQ(parse_retained_age("1.5h"), kHourMs * 3 / 2);
  EXPECT_EQ(parse_retained_age("45m"), 45 * 60'000);
  EXPECT_EQ(parse_retained_age("1s"), 1000);
  EXPECT_EQ(parse_retained_bytes("50M"), 50U << 20);
  EXPECT_EQ(parse_retained_bytes("500mb"), 500U << 20);
  EXPECT_EQ(parse_retained_bytes("10GiB"), std::uint64_t{10} << 30);
  EXPECT_EQ(parse_retained_bytes("64000000"), 64'000'000U);
}

TEST(RetentionText, RefusesWhatMakesNoSenseByName) {
  for (const char* text : {"-1d", "0d", "0", "nan", "nand", "inf", "infd", "1e300d", "1e3d", "d", "", "30", "30 d",
                           "30x", "-0.0h", "0.5s", "999999999d"}) {
    try {
      parse_retained_age(text);
      ADD_FAILURE() << text;
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(std::string(error.what()).find("'" + std::string(text) + "'"), 0U) << error.what();
    }
  }
  for (const char* text : {"-50M", "0", "nan", "inf", "1e300", "1e300G", "M", "", "50X", "1K", "18446744073709551616T"})
    EXPECT_THROW(parse_retained_bytes(text), std::invalid_argument) << text;
}

class JournalClockTest : public testing::Test {
 protected:
  std::int64_t wall_ms_ = 1000 * kDayMs;
  std::int64_t steady_ms_ = 5;
  JournalClock clock_{{[this] { return wall_ms_; }, [this] { return steady_ms_; }}};
};

TEST_F(JournalClockTest, PassesWithTheSteadyClockWhateverTheWallClockDoes) {
  const auto start = clock_.now();
  wall_ms_ += 40 * kDayMs;
  EXPECT_EQ(clock_.now(), start);
  wall_ms_ -= 80 * kDayMs;
  steady_ms_ += 7;
  EXPECT_EQ(clock_.now(), start + 7);
}

TEST_F(JournalClockTest, CountsAStopByTheWallClock) {
  clock_.go_on(77, wall_ms_ - 5 * kHourMs, 30 * kDayMs);
  EXPECT_EQ(clock_.now(), 77 + 5 * kHourMs);
  EXPECT_EQ(clock_.not_counted_ms(), 0);
}

TEST_F(JournalClockTest, CountsAJumpOverAStopAsADayAtMost) {
  clock_.go_on(77, wall_ms_ - 40 * kDayMs, 30 * kDayMs);
  EXPECT_EQ(clock_.now(), 77 + kDayMs);
  EXPECT_EQ(clock_.not_counted_ms(), 39 * kDayMs);
  clock_.go_on(77, wall_ms_ - 40 * kDayMs, 10 * kHourMs);
  EXPECT_EQ(clock_.now(), 77 + kHourMs) << "a tenth of what is retained";
}

TEST_F(JournalClockTest, NeverGoesBack) {
  clock_.go_on(77, wall_ms_ + 40 * kDayMs, 30 * kDayMs);
  EXPECT_EQ(clock_.now(), 77);
}

}  // namespace
}  // namespace trainbus
