#pragma once
// One curve of one trainer: points in the order of x (step or epoch), 16 bytes each.
//
// Single-threaded. Bounded: at its limit the curve is halved by min/max decimation, so that a run of any length keeps
// its shape; only then are points dropped.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace trainbus {

struct Point {
  double x = 0;
  double y = 0;  // NaN or infinite: measured, but not a number
  bool operator==(const Point&) const = default;
};

class Series {
 public:
  static constexpr std::size_t kMaxPoints = 1 << 20;

  // At most so many points (at least 8) from now on; takes effect at once.
  void set_limit(std::size_t max_points);

  // Adds a point of one process life. A newer incarnation supersedes the points from its first x on; a late point of an
  // older one is taken only where nothing superseded it. True when points that were there before went away.
  bool append(std::uint64_t incarnation, double x, double y);

  // The points with x_min <= x <= x_max. Valid until the next append.
  std::span<const Point> range(double x_min = -std::numeric_limits<double>::infinity(),
                               double x_max = std::numeric_limits<double>::infinity()) const;

 private:
  struct Life {
    std::uint64_t incarnation;
    double first_x;
  };
  void halve_at_limit();
  void insert_late(std::uint64_t incarnation, Point point);

  std::size_t limit_ = kMaxPoints;
  std::vector<Point> points_;
  std::vector<Life> lives_;  // by incarnation
};

// At most `max_points` (at least 4) of them, in order, with the first and the last: per bucket of neighbours the lowest
// and the highest finite y; a bucket without any gives one of its points, so that a hole stays a hole.
std::vector<Point> decimate(std::span<const Point> points, std::size_t max_points);

}  // namespace trainbus
