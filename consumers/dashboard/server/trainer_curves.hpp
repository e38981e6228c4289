#pragma once
// Every curve of one trainer by its name: the built-in ones of README.md and all named values.
//
// Single-threaded. Bounded: kMaxValueNames named values (further names are counted and left out), the newest
// Placement::kMaxIncarnations told apart, and a number of points over all curves; past it all curves are thinned alike.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "curve.hpp"
#include "placement.hpp"
#include "trainbus/value_name.hpp"

namespace trainbus {

class TrainerCurves {
 public:
  using ByName = std::map<std::string, Curve, std::less<>>;
  static constexpr std::size_t kMaxCountedNames = 10'000;  // of names that were left out

  // At most about so many points over all curves from now on; takes effect at once.
  void set_budget(std::size_t max_points);

  // Takes one record; kinds without values change nothing. True when points that a browser may already show moved or
  // were superseded.
  bool apply(const Record& record);

  // Those that have points, by name.
  const ByName& all() const { return curves_; }
  // The points of the line of all incarnations; none for a name that is not known.
  std::vector<Point> line(std::string_view name, double x_min = -kNoBound, double x_max = kNoBound) const;
  // What one incarnation said, also what was done again later; none for one that is not told apart.
  std::vector<Point> of(std::string_view name, std::uint64_t incarnation, double x_min = -kNoBound,
                        double x_max = kNoBound) const;
  // At most `count` of the newest points of one incarnation, oldest first. Valid until the next apply.
  std::span<const Point> newest(std::string_view name, std::uint64_t incarnation, std::size_t count) const;

  const Placement& placement() const { return placement_; }
  // Named values beyond kMaxValueNames; counted up to kMaxCountedNames.
  std::size_t names_left_out() const { return left_out_.size(); }

 private:
  using Values = google::protobuf::Map<std::string, double>;

  void add(const v1::MetricsRequest& message, std::string_view name, Axis axis, double x, double y);
  void add_named(const v1::MetricsRequest& message, const Values& values, double step);
  void take_batch(const v1::MetricsRequest& message, double step);
  void take_epoch(const v1::MetricsRequest& message, double step);
  void take_perf(const v1::MetricsRequest& message, double step);
  void take_scalars(const v1::MetricsRequest& message, double step);
  void take_time(const v1::MetricsRequest& message, double step);
  void fold_oldest();
  void keep_budget();

  Placement placement_;
  ByName curves_;
  std::size_t named_ = 0;
  std::set<std::string, std::less<>> left_out_;
  // Of the newest point of timestamp_ms.
  std::uint64_t timed_incarnation_ = 0;
  std::int64_t timed_ms_ = 0;
  std::size_t points_ = 0;
  std::size_t budget_ = std::size_t{1} << 25;
  std::size_t limit_ = Series::kMaxPoints;  // of one curve
};

// The name of the curve of a named value: its own, unless a built-in curve has that name; then "scalars/NAME".
std::string curve_name(std::string_view value_name);

}  // namespace trainbus
