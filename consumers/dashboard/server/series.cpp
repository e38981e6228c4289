#include "series.hpp"

#include <algorithm>
#include <cmath>

namespace trainbus {
namespace {

bool before(const Point& point, double x) { return point.x < x; }
bool is_finite(const Point& point) { return std::isfinite(point.y); }

// The lowest and the highest finite point of a bucket and the first that is not finite, in their order.
void add_extremes(std::span<const Point> bucket, std::vector<Point>& out) {
  const Point* low = nullptr;
  const Point* high = nullptr;
  const Point* odd = nullptr;
  for (const Point& point : bucket) {
    if (!is_finite(point)) {
      if (odd == nullptr) odd = &point;
      continue;
    }
    if (low == nullptr || point.y < low->y) low = &point;
    if (high == nullptr || point.y > high->y) high = &point;
  }
  const Point* chosen[] = {low, high == low ? nullptr : high, odd};
  std::ranges::sort(chosen);
  for (const Point* point : chosen)
    if (point != nullptr) out.push_back(*point);
}

}  // namespace

void Series::set_limit(std::size_t max_points) {
  limit_ = max_points;
  halve_at_limit();
}

void Series::halve_at_limit() {
  if (points_.size() < limit_) return;
  points_ = decimate(points_, limit_ / 2);
  thinned_ = true;
}

void Series::append(double x, double y) {
  if (points_.empty() || points_.back().x < x) {
    halve_at_limit();
    points_.push_back({x, y});
    return;
  }
  const auto at = std::lower_bound(points_.begin(), points_.end(), x, before);
  if (at->x == x) {
    at->y = y;
  } else {
    points_.insert(at, {x, y});
    halve_at_limit();
  }
}

void Series::cut(double x) {
  points_.erase(std::lower_bound(points_.begin(), points_.end(), x, before), points_.end());
}

std::span<const Point> Series::range(double x_min, double x_max) const {
  const auto first = std::lower_bound(points_.begin(), points_.end(), x_min, before);
  const auto last =
      std::upper_bound(first, points_.end(), x_max, [](double x, const Point& point) { return x < point.x; });
  return {first, last};
}

std::vector<Point> decimate(std::span<const Point> points, std::size_t max_points) {
  max_points = std::max<std::size_t>(max_points, 5);
  if (points.size() <= max_points) return {points.begin(), points.end()};
  const std::size_t a_bucket = std::ranges::all_of(points, is_finite) ? 2 : 3;
  std::vector<Point> out;
  out.reserve(max_points);
  out.push_back(points.front());
  const auto inner = points.subspan(1, points.size() - 2);
  const std::size_t buckets = (max_points - 2) / a_bucket;
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    const std::size_t from = bucket * inner.size() / buckets;
    const std::size_t to = (bucket + 1) * inner.size() / buckets;
    add_extremes(inner.subspan(from, to - from), out);
  }
  out.push_back(points.back());
  return out;
}

}  // namespace trainbus
