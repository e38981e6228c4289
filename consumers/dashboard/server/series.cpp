#include "series.hpp"

#include <algorithm>
#include <cmath>

namespace trainbus {
namespace {

bool before(const Point& point, double x) { return point.x < x; }

// The lowest and the highest finite point of a bucket, in their order; its first point when none is finite.
void add_extremes(std::span<const Point> bucket, std::vector<Point>& out) {
  const Point* low = nullptr;
  const Point* high = nullptr;
  for (const Point& point : bucket) {
    if (!std::isfinite(point.y)) continue;
    if (low == nullptr || point.y < low->y) low = &point;
    if (high == nullptr || point.y > high->y) high = &point;
  }
  if (low == nullptr) low = high = bucket.data();
  out.push_back(*std::min(low, high));
  if (low != high) out.push_back(*std::max(low, high));
}

}  // namespace

void Series::set_limit(std::size_t max_points) {
  limit_ = max_points;
  halve_at_limit();
}

void Series::halve_at_limit() {
  if (points_.size() >= limit_) points_ = decimate(points_, limit_ / 2);
}

bool Series::append(std::uint64_t incarnation, double x, double y) {
  if (!lives_.empty() && incarnation < lives_.back().incarnation) {
    insert_late(incarnation, {x, y});
    return false;
  }
  if (lives_.empty() || incarnation > lives_.back().incarnation) lives_.push_back({incarnation, x});
  bool superseded = false;
  if (!points_.empty() && points_.back().x >= x) {
    points_.erase(std::lower_bound(points_.begin(), points_.end(), x, before), points_.end());
    lives_.back().first_x = std::min(lives_.back().first_x, x);
    superseded = true;
  }
  halve_at_limit();
  points_.push_back({x, y});
  return superseded;
}

void Series::insert_late(std::uint64_t incarnation, Point point) {
  for (const Life& life : lives_)
    if (life.incarnation > incarnation && life.first_x <= point.x) return;
  const auto own =
      std::find_if(lives_.begin(), lives_.end(), [&](const Life& life) { return life.incarnation >= incarnation; });
  if (own->incarnation != incarnation) lives_.insert(own, {incarnation, point.x});
  const auto at = std::lower_bound(points_.begin(), points_.end(), point.x, before);
  if (at != points_.end() && at->x == point.x) {
    *at = point;
  } else {
    points_.insert(at, point);
    halve_at_limit();
  }
}

std::span<const Point> Series::range(double x_min, double x_max) const {
  const auto first = std::lower_bound(points_.begin(), points_.end(), x_min, before);
  const auto last =
      std::upper_bound(first, points_.end(), x_max, [](double x, const Point& point) { return x < point.x; });
  return {first, last};
}

std::vector<Point> decimate(std::span<const Point> points, std::size_t max_points) {
  max_points = std::max<std::size_t>(max_points, 4);
  if (points.size() <= max_points) return {points.begin(), points.end()};
  std::vector<Point> out;
  out.reserve(max_points);
  out.push_back(points.front());
  const auto inner = points.subspan(1, points.size() - 2);
  const std::size_t buckets = (max_points - 2) / 2;
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    const std::size_t from = bucket * inner.size() / buckets;
    const std::size_t to = (bucket + 1) * inner.size() / buckets;
    add_extremes(inner.subspan(from, to - from), out);
  }
  out.push_back(points.back());
  return out;
}

}  // namespace trainbus
