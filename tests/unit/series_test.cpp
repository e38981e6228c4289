#include "consumers/dashboard/server/series.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace trainbus {
namespace {

using ::testing::ElementsAre;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<double> xs(std::span<const Point> points) {
  std::vector<double> out;
  for (const auto& point : points)
    out.push_back(point.x);
  return out;
}

Series epochs(std::uint64_t incarnation, int first, int last) {
  Series series;
  for (int x = first; x <= last; ++x)
    series.append(incarnation, x, static_cast<double>(incarnation));
  return series;
}

TEST(Series, KeepsPointsInOrderAndGivesTheAskedRange) {
  const Series series = epochs(1, 1, 10);
  EXPECT_EQ(series.range().size(), 10U);
  EXPECT_THAT(xs(series.range(2.5, 5)), ElementsAre(3, 4, 5));
  EXPECT_TRUE(series.range(11, 20).empty());
  EXPECT_TRUE(Series().range().empty());
}

TEST(Series, ANewerIncarnationSupersedesFromItsFirstPointOn) {
  Series series = epochs(1, 1, 5);
  EXPECT_TRUE(series.append(2, 3, 20));
  EXPECT_FALSE(series.append(2, 4, 20));
  EXPECT_THAT(xs(series.range()), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(series.range()[1].y, 1);
  EXPECT_EQ(series.range()[2].y, 20);
}

TEST(Series, ANewerIncarnationThatGoesOnBehindTheEndSupersedesNothing) {
  Series series = epochs(1, 1, 2);
  EXPECT_FALSE(series.append(2, 3, 0));
  EXPECT_THAT(xs(series.range()), ElementsAre(1, 2, 3));
}

TEST(Series, ALatePointOfAnOlderIncarnationFillsOnlyWhatWasNotSuperseded) {
  Series series = epochs(2, 3, 4);
  EXPECT_FALSE(series.append(1, 2, 9));
  EXPECT_FALSE(series.append(1, 1, 9));
  EXPECT_FALSE(series.append(1, 3, 9));
  EXPECT_FALSE(series.append(1, 7, 9));
  EXPECT_THAT(xs(series.range()), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(series.range()[2].y, 2);
}

TEST(Series, IsHalvedAtItsBoundAndKeepsItsExtremes) {
  Series series;
  for (std::size_t x = 0; x <= Series::kMaxPoints; ++x)
    series.append(1, static_cast<double>(x), x == 777 ? 1e9 : 0);
  EXPECT_LE(series.range().size(), Series::kMaxPoints / 2 + 1);
  EXPECT_EQ(series.range().back().x, static_cast<double>(Series::kMaxPoints));
  bool spike = false;
  for (const auto& point : series.range())
    spike |= point.y == 1e9;
  EXPECT_TRUE(spike);
}

TEST(Decimate, GivesFewPointsBackAsTheyAre) {
  const std::vector<Point> points = {{1, 5}, {2, 6}};
  EXPECT_EQ(decimate(points, 100), points);
  EXPECT_TRUE(decimate({}, 100).empty());
}

TEST(Decimate, KeepsEndsExtremesAndOrderWithinTheBound) {
  std::vector<Point> points;
  for (int x = 0; x < 100'000; ++x)
    points.push_back({static_cast<double>(x), std::sin(x * 0.001)});
  points[54'321].y = 100;
  points[54'322].y = -100;
  const auto few = decimate(points, 2000);
  EXPECT_LE(few.size(), 2000U);
  EXPECT_GT(few.size(), 1900U);
  EXPECT_EQ(few.front(), points.front());
  EXPECT_EQ(few.back(), points.back());
  EXPECT_TRUE(std::is_sorted(few.begin(), few.end(), [](auto& a, auto& b) { return a.x < b.x; }));
  EXPECT_NE(std::find(few.begin(), few.end(), points[54'321]), few.end());
  EXPECT_NE(std::find(few.begin(), few.end(), points[54'322]), few.end());
}

TEST(Decimate, KeepsAHoleAsAHole) {
  std::vector<Point> points;
  for (int x = 0; x < 1000; ++x)
    points.push_back({static_cast<double>(x), x >= 400 && x < 600 ? kNaN : 1.0});
  points[450].y = std::numeric_limits<double>::infinity();
  int holes = 0;
  for (const auto& point : decimate(points, 100))
    holes += std::isfinite(point.y) ? 0 : 1;
  EXPECT_GT(holes, 5);
  EXPECT_LE(decimate(points, 0).size(), 4U);  // fewer than 4 is taken as 4
}

}  // namespace
}  // namespace trainbus
