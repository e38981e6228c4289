#include "series_api.hpp"

#include <algorithm>
#include <cmath>

#include "curve_json.hpp"
#include "json_text.hpp"
#include "trainbus/incarnation.hpp"

namespace trainbus {
namespace {

struct CurveRequest {
  std::string name;
  std::size_t max_points = 2000;
  double x_min = -kNoBound;
  double x_max = kNoBound;
  std::optional<std::uint64_t> incarnation;  // absent: the line of all
};

// The problem with it; empty when it is good.
std::string read_request(const RequestTarget& target, CurveRequest& request) {
  request.name = target.query.at("name");
  const auto max_points = target.number("max_points", 2000);
  const auto x_min = target.number("x_min", -kNoBound);
  const auto x_max = target.number("x_max", kNoBound);
  if (!max_points || *max_points < 4 || *max_points > 100'000) return "max_points must be 4 to 100000";
  if (!x_min || !x_max) return "x_min and x_max must be numbers";
  request.max_points = static_cast<std::size_t>(*max_points);
  request.x_min = *x_min;
  request.x_max = *x_max;
  if (const auto said = target.query.find("incarnation"); said != target.query.end()) {
    request.incarnation = read_incarnation(said->second);
    if (!request.incarnation) return "incarnation must be a whole number";
  }
  return {};
}

Answer list(const SessionName& session, const TrainerCurves& curves) {
  Answer answer;
  {  // closed before the answer moves away
    JsonObject object(answer.body);
    object.add("run", session.run).add("trainer", session.trainer);
    object.add("names_left_out", curves.names_left_out());
    append_incarnations(object.key("incarnations"), curves.placement());
    object.add("incarnations_left_out", curves.placement().forgotten());
    append_curve_list(object.key("series"), curves);
  }
  return answer;
}

Answer one(const SessionName& session, const TrainerCurves& curves, const CurveRequest& request) {
  const auto curve = curves.all().find(request.name);
  if (curve == curves.all().end()) return refusal(404, "no series of this name; without a name all are listed");
  if (request.incarnation && curves.placement().find(Axis::kStep, *request.incarnation) == nullptr)
    return refusal(404, "no incarnation " + std::to_string(*request.incarnation));
  const auto points = request.incarnation ? curves.of(request.name, *request.incarnation, request.x_min, request.x_max)
                                          : curves.line(request.name, request.x_min, request.x_max);
  Answer answer;
  {  // closed before the answer moves away
    JsonObject object(answer.body);
    object.add("run", session.run).add("trainer", session.trainer).add("name", request.name);
    object.add("axis", axis_name(curve->second.axis()));
    if (request.incarnation) object.add("incarnation", std::to_string(*request.incarnation));
    object.add("total", points.size());
    object.add("not_finite", std::ranges::count_if(points, [](const Point& point) { return !std::isfinite(point.y); }));
    append_pairs(object.key("points"), decimate(points, request.max_points));
  }
  return answer;
}

}  // namespace

Answer answer_series(const BusModel& model, const RequestTarget& target) {
  const SessionName session{target.segments[2], target.segments[3]};
  const TrainerModel* trainer = model.find(session);
  if (trainer == nullptr) return refusal(404, "no trainer " + session.id());
  if (!target.query.contains("name")) return list(session, trainer->curves());
  CurveRequest request;
  if (const auto problem = read_request(target, request); !problem.empty()) return refusal(400, problem);
  return one(session, trainer->curves(), request);
}

}  // namespace trainbus
