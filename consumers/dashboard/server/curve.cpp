#include "curve.hpp"

#include <algorithm>

namespace trainbus {
namespace {

// Those of `points` that lie on the line within the bounds and before `end`.
void add_moved(std::vector<Point>& out, const Series& points, double offset, double end, double x_min, double x_max) {
  const auto range = points.range(x_min - offset, x_max - offset);
  out.reserve(out.size() + range.size());  // a million points are not copied again and again
  for (const Point& point : range) {
    const double x = point.x + offset;
    if (x >= end) break;
    out.push_back({x, point.y});
  }
}

}  // namespace

const Series* Curve::find(std::uint64_t incarnation) const {
  const auto found = std::ranges::find(pieces_, incarnation, &Piece::incarnation);
  return found == pieces_.end() ? nullptr : &found->points;
}

std::size_t Curve::size() const {
  std::size_t size = folded_.size();
  for (const Piece& piece : pieces_)
    size += piece.points.size();
  return size;
}

bool Curve::thinned() const {
  return folded_.thinned() || std::ranges::any_of(pieces_, [](const Piece& piece) { return piece.points.thinned(); });
}

void Curve::set_limit(std::size_t max_points) {
  limit_ = max_points;
  folded_.set_limit(limit_);
  for (Piece& piece : pieces_)
    piece.points.set_limit(limit_);
  thin_at_limit();
}

// A series thins itself at the limit; several together are thinned here, the longest first.
void Curve::thin_at_limit() {
  if (pieces_.size() < 2 && folded_.size() == 0) return;
  constexpr std::size_t kFewest = 16;  // of one incarnation
  while (size() > limit_) {
    Series* longest = &folded_;
    for (Piece& piece : pieces_)
      if (piece.points.size() > longest->size()) longest = &piece.points;
    if (longest->size() <= kFewest) return;
    longest->set_limit(longest->size());
    longest->set_limit(limit_);
  }
}

void Curve::append(std::uint64_t incarnation, double x, double y) {
  auto piece = std::ranges::find(pieces_, incarnation, &Piece::incarnation);
  if (piece == pieces_.end()) {
    pieces_.push_back({incarnation, {}});
    piece = std::prev(pieces_.end());
    piece->points.set_limit(limit_);
  }
  piece->points.append(x, y);
  thin_at_limit();
}

void Curve::fold(const Place& oldest) {
  folded_.cut(oldest.begin);
  for (const Point& point : of(oldest, -kNoBound, oldest.end))
    if (point.x < oldest.end) folded_.append(point.x, point.y);
  std::erase_if(pieces_, [&](const Piece& piece) { return piece.incarnation == oldest.incarnation; });
}

std::vector<Point> Curve::line(std::span<const Place> places, double x_min, double x_max) const {
  std::vector<Point> out;
  double first_begin = kNoBound;
  for (const Place& place : places)
    first_begin = std::min(first_begin, place.begin);
  add_moved(out, folded_, 0, first_begin, x_min, x_max);
  for (const Place& place : places)
    if (const Series* points = find(place.incarnation)) add_moved(out, *points, place.offset, place.end, x_min, x_max);
  return out;
}

std::vector<Point> Curve::of(const Place& place, double x_min, double x_max) const {
  std::vector<Point> out;
  if (const Series* points = find(place.incarnation)) add_moved(out, *points, place.offset, kNoBound, x_min, x_max);
  return out;
}

std::span<const Point> Curve::newest(std::uint64_t incarnation, std::size_t count) const {
  const Series* points = find(incarnation);
  if (points == nullptr) return {};
  const auto all = points->range();
  return all.last(std::min(count, all.size()));
}

}  // namespace trainbus
