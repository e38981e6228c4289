#include "curve_json.hpp"

#include <algorithm>
#include <cmath>

#include "json_text.hpp"
#include "trainbus/text.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kFewestHistoryPoints = 16;  // of one curve, however many there are

// {"axis":…,"total":…,"x":[…],"y":[…]}
void append_columns(std::string& out, Axis axis, std::span<const Point> all, std::size_t max_points) {
  const auto points = decimate(all, max_points);
  JsonObject object(out);
  object.add("axis", axis_name(axis)).add("total", all.size());
  std::string& x = object.key("x");
  append_json_array(x, points, [&](const Point& point) { append_json_number(x, point.x); });
  std::string& y = object.key("y");
  append_json_array(y, points, [&](const Point& point) { append_value(y, point.y); });
}

}  // namespace

std::string_view axis_name(Axis axis) { return axis == Axis::kStep ? "step" : "epoch"; }

void append_value(std::string& out, double value) {
  if (std::isfinite(value)) {
    append_json_number(out, value);
  } else {
    append_json_string(out, number_text(value));
  }
}

void append_pairs(std::string& out, std::span<const Point> points) {
  append_json_array(out, points, [&](const Point& point) {
    out += '[';
    append_json_number(out, point.x);
    out += ',';
    append_value(out, point.y);
    out += ']';
  });
}

void append_curves(std::string& out, const TrainerCurves* curves, std::size_t max_points) {
  JsonObject object(out);
  if (curves == nullptr || curves->all().empty()) return;
  const std::size_t share = std::max(kFewestHistoryPoints, kHistoryPoints / curves->all().size());
  for (const auto& [name, curve] : curves->all()) {
    const auto points = curve.line(curves->placement().places(curve.axis()));
    if (!points.empty()) append_columns(object.key(name), curve.axis(), points, std::min(share, max_points));
  }
}

void append_curve_list(std::string& out, const TrainerCurves& curves) {
  append_json_array(out, curves.all(), [&](const auto& entry) {
    const auto& [name, curve] = entry;
    const auto points = curve.line(curves.placement().places(curve.axis()));
    JsonObject object(out);
    object.add("name", name).add("group", value_group(name)).add("axis", axis_name(curve.axis()));
    object.add("total", points.size());
    if (points.empty()) return;
    object.add("last_x", points.back().x);
    append_value(object.key("last"), points.back().y);
  });
}

void append_incarnations(std::string& out, const Placement& placement) {
  append_json_array(out, placement.places(Axis::kStep), [&](const Place& place) {
    JsonObject object(out);
    object.add("incarnation", std::to_string(place.incarnation)).add("offset", place.offset);
    object.add("begin", place.begin);  // null: it has said no step yet
  });
}

}  // namespace trainbus
