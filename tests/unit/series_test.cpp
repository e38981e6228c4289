#include "consumers/dashboard/server/series.hpp"

#include <gmock/gmock.h>

#include <algorithm>
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

TEST(Series, KeepsPointsInOrderAndGivesTheAskedRange) {
  Series series;
  for (int x = 1; x <= 10; ++x)
    series.append(x, 1);
  EXPECT_EQ(series.range().size(), 10U);
  EXPECT_THAT(xs(series.range(2.5, 5)), ElementsAre(3, 4, 5));
  EXPECT_TRUE(series.range(11, 20).empty());
  EXPECT_TRUE(Series().range().empty());
}

TEST(Series, ALatePointGoesToItsPlaceAndOneXKeepsWhatWasSaidLast) {
  Series series;
  for (const Point point : {Point{1, 10}, {3, 30}, {2, 20}, {3, 31}})
    series.append(point.x, point.y);
  EXPECT_THAT(series.range(), ElementsAre(Point{1, 10}, Point{2, 20}, Point{3, 31}));
}

TEST(Series, IsHalvedAtItsBoundAndKeepsItsExtremesAndItsNaN) {
  Series series;
  for (std::size_t x = 0; x <= Series::kMaxPoints; ++x)
    series.append(static_cast<double>(x), x == 777 ? 1e9 : x == 778 ? kNaN : 0);
  EXPECT_LE(series.size(), Series::kMaxPoints / 2 + 1);
  EXPECT_EQ(series.range().back().x, static_cast<double>(Series::kMaxPoints));
  EXPECT_EQ(series.range(777, 777).size(), 1U);
  EXPECT_EQ(series.range(778, 778).size(), 1U);
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
  EXPECT_LE(decimate(points, 0).size(), 5U);  // fewer than 5 is taken as 5
}

TEST(Decimate, NeverThinsANaNAwayByItsFiniteNeighbours) {
  std::vector<Point> points;
  for (int x = 0; x < 100'000; ++x)
    points.push_back({static_cast<double>(x), x == 31'415 ? kNaN : std::sin(x)});
  const auto few = decimate(points, 2000);
  EXPECT_LE(few.size(), 2000U);
  EXPECT_EQ(std::ranges::count_if(few, [](const Point& point) { return std::isnan(point.y) && point.x == 31'415; }), 1);
}

}  // namespace
}  // namespace trainbus
