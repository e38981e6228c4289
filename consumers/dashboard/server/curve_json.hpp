#pragma once
// Curves as JSON text, as README.md describes them. A y that is not finite is "NaN", "Infinity" or "-Infinity".
// Each function appends one value.

#include <span>
#include <string>

#include "curve.hpp"
#include "trainer_curves.hpp"

namespace trainbus {

// [[x,y]…]
void append_pairs(std::string& out, std::span<const Point> points);
// {NAME:{"axis":…,"total":…,"x":[…],"y":[…]}…}: every curve of `total` points, each decimated to max_points, all
// together to kHistoryPoints. nullptr: none.
inline constexpr std::size_t kHistoryPoints = 120'000;
void append_curves(std::string& out, const TrainerCurves* curves, std::size_t max_points);
// [{"name","group","axis","total","last_x","last"}…]
void append_curve_list(std::string& out, const TrainerCurves& curves);
// [{"incarnation","offset","begin"}…]: the step on the line is offset + the incarnation's own.
void append_incarnations(std::string& out, const Placement& placement);
// A number, or one of the three texts.
void append_value(std::string& out, double value);

std::string_view axis_name(Axis axis);  // "step" or "epoch"

}  // namespace trainbus
