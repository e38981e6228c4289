// When a person is told of a problem.
#include "problems.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trainbus {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

TEST(Problems, OfEachKindOneLineAMinuteTheNewestOfThoseHeldBack) {
  std::vector<std::string> lines;
  Problems problems([&](const std::string& line) { lines.push_back(line); });
  const Problems::Clock::time_point start{seconds(1000)};
  problems.report(Problems::kValues, "first", start);
  problems.report(Problems::kMedia, "another kind", start);
  problems.report(Problems::kValues, "second", start + seconds(1));
  problems.report(Problems::kValues, "third", start + seconds(59));
  EXPECT_THAT(lines, ElementsAre("first", "another kind"));
  problems.turn(start + seconds(60));
  problems.turn(start + seconds(200));
  EXPECT_THAT(lines, ElementsAre("first", "another kind", "third"));
}

TEST(Problems, AtTheEndNothingIsHeldBack) {
  std::vector<std::string> lines;
  Problems problems([&](const std::string& line) { lines.push_back(line); });
  problems.report(Problems::kSpool, "one", {});
  problems.report(Problems::kSpool, "two", {});
  problems.turn({}, true);
  EXPECT_THAT(lines, ElementsAre("one", "two"));
}

TEST(Problems, AListenerThatThrowsOrIsNotThereDoesNoHarm) {
  Problems throwing([](const std::string&) { throw 7; });
  throwing.report(Problems::kKnobs, "line", {});
  Problems none(nullptr);
  none.report(Problems::kKnobs, "line", {});
}

}  // namespace
}  // namespace trainbus
