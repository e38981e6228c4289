#pragma once
// One value of one trainer over all its incarnations: each one's points as it said them, put together when asked.
// Nothing is overwritten, so what a resumed training did again stays reachable by its incarnation.
//
// Single-threaded.

#include <cstdint>
#include <span>
#include <vector>

#include "series.hpp"

namespace trainbus {

// Where an incarnation stands on the line that all of them share. x on the line = offset + its own x.
struct Place {
  std::uint64_t incarnation = 0;
  double offset = 0;
  double begin = -kNoBound;  // on the line: its first
  double end = kNoBound;     // on the line: from here on a later one did it again
};

enum class Axis : std::uint8_t { kStep, kEpoch };

class Curve {
 public:
  explicit Curve(Axis axis) : axis_(axis) {}

  Axis axis() const { return axis_; }
  std::size_t size() const;
  bool thinned() const;  // points were dropped

  void set_limit(std::size_t max_points);
  // x as the incarnation counts it.
  void append(std::uint64_t incarnation, double x, double y);
  // This incarnation, the oldest, is no longer told apart from those folded before it; what was done again goes.
  void fold(const Place& oldest);

  // The points on the line with x_min <= x <= x_max, in order. `places` has every incarnation, oldest first.
  std::vector<Point> line(std::span<const Place> places, double x_min = -kNoBound, double x_max = kNoBound) const;
  // All that one incarnation said, on the line too.
  std::vector<Point> of(const Place& place, double x_min = -kNoBound, double x_max = kNoBound) const;
  // At most `count` of the newest of one incarnation, oldest first, with its own x. Valid until the next change.
  std::span<const Point> newest(std::uint64_t incarnation, std::size_t count) const;

 private:
  struct Piece {
    std::uint64_t incarnation;
    Series points;
  };
  const Series* find(std::uint64_t incarnation) const;
  void thin_at_limit();

  Axis axis_;
  std::size_t limit_ = Series::kMaxPoints;
  Series folded_;  // with x on the line
  std::vector<Piece> pieces_;
};

}  // namespace trainbus
