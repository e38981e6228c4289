#include "trainbus/pace.hpp"

#include <gtest/gtest.h>

namespace trainbus {
namespace {

constexpr std::int64_t kStart = 1'700'000'000'000;

// Steps of `step_ms` each, one after another; gives the time after the last.
std::int64_t work(Pace& pace, std::uint64_t first, std::uint64_t last, std::int64_t at_ms, std::int64_t step_ms) {
  for (auto step = first; step <= last; ++step)
    pace.take(step, at_ms += step_ms);
  return at_ms;
}

TEST(Pace, IsNotKnownFromOnePoint) {
  Pace pace;
  EXPECT_FALSE(pace.step_ms());
  pace.take(1, kStart);
  EXPECT_FALSE(pace.step_ms());
  pace.take(1, kStart + 5000);
  EXPECT_FALSE(pace.step_ms()) << "no step was made";
  pace.take(2, 0);
  EXPECT_FALSE(pace.step_ms()) << "a time that was not said";
  pace.take(3, kStart + 400);
  EXPECT_EQ(pace.step_ms(), 200);
}

TEST(Pace, IsThatOfTheNewestWindow) {
  Pace pace;
  auto at_ms = work(pace, 1, 100, kStart, 1000);
  EXPECT_EQ(pace.step_ms(), 1000);
  work(pace, 101, 100 + Pace::kPoints, at_ms, 300);
  EXPECT_EQ(pace.step_ms(), 300);
}

TEST(Pace, ABurstIsOnePoint) {
  Pace pace;
  for (std::uint64_t burst = 0; burst < 20; ++burst)  // ten steps a second, told once a second
    for (std::uint64_t step = 1; step <= 10; ++step)
      pace.take(burst * 10 + step, kStart + static_cast<std::int64_t>(burst * 1000 + step / 5));
  EXPECT_NEAR(*pace.step_ms(), 100, 0.1);
}

TEST(Pace, LeavesOutAGapThatTheStepsInItDoNotExplain) {
  Pace pace;
  auto at_ms = work(pace, 1, 20, kStart, 300);
  work(pace, 21, 22, at_ms + 60'000, 300);  // a checkpoint
  EXPECT_EQ(pace.step_ms(), 300);
  Pace rare;  // a record every thousand steps of 20 ms
  for (std::uint64_t i = 1; i <= 20; ++i)
    rare.take(i * 1000, kStart + static_cast<std::int64_t>(i) * 20'000);
  EXPECT_EQ(rare.step_ms(), 20);
}

TEST(Pace, FollowsATrainingThatBecameMuchSlower) {
  Pace pace;
  const auto at_ms = work(pace, 1, 50, kStart, 10);
  work(pace, 51, 60, at_ms, 15'000);
  EXPECT_EQ(pace.step_ms(), 15'000);
}

TEST(Pace, LeavesOutAnInterruptionAndKeepsThePaceOfBeforeUntilItKnowsTheNewOne) {
  Pace pace;
  auto at_ms = work(pace, 1, 20, kStart, 300);
  pace.interrupted();
  at_ms = work(pace, 21, 21, at_ms + 4000, 300);
  EXPECT_EQ(pace.step_ms(), 300);
  work(pace, 22, 23, at_ms, 500);
  EXPECT_EQ(pace.step_ms(), 500);
}

TEST(Pace, GoesOnWhenTheClockIsSetBack) {
  Pace pace;
  work(pace, 1, 20, kStart, 300);
  work(pace, 21, 24, kStart - 3'600'000, 400);
  EXPECT_EQ(pace.step_ms(), 400);
}

}  // namespace
}  // namespace trainbus
