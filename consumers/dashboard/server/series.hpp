#pragma once
// The points of one value in one incarnation, in the order of x (its own step, or the epoch), 16 bytes each.
//
// Single-threaded. Bounded: at its limit it is halved by min/max decimation, so that a run of any length keeps its
// shape; only then are points dropped.

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace trainbus {

struct Point {
  double x = 0;
  double y = 0;  // NaN or infinite: measured, but not a number
  bool operator==(const Point&) const = default;
};

inline constexpr double kNoBound = std::numeric_limits<double>::infinity();

class Series {
 public:
  static constexpr std::size_t kMaxPoints = 1 << 20;

  // At most so many points (at least 8) from now on; takes effect at once.
  void set_limit(std::size_t max_points);

  // Adds a point at its place. One x has one point: the last that was said.
  void append(double x, double y);
  // Forgets the points from x on.
  void cut(double x);

  std::size_t size() const { return points_.size(); }
  bool thinned() const { return thinned_; }  // points were dropped
  // The points with x_min <= x <= x_max. Valid until the next change.
  std::span<const Point> range(double x_min = -kNoBound, double x_max = kNoBound) const;

 private:
  void halve_at_limit();

  std::size_t limit_ = kMaxPoints;
  bool thinned_ = false;
  std::vector<Point> points_;
};

// At most `max_points` (at least 5) of them, in order, with the first and the last: per bucket of neighbours the lowest
// and the highest finite y, and one that is not finite where there is one, so that a NaN is never thinned away by its
// neighbours.
std::vector<Point> decimate(std::span<const Point> points, std::size_t max_points);

}  // namespace trainbus
