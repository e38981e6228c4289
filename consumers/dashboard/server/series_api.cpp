#include "series_api.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cmath>

#include "curve_json.hpp"
#include "journal_curve.hpp"
#include "json_text.hpp"
#include "site.hpp"
#include "trainbus/incarnation.hpp"

namespace trainbus {
namespace {

constexpr std::chrono::seconds kReadingTime{8};

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

// What is to be answered, as memory has it, and where the journal may have more.
struct Found {
  SessionName session;
  CurveRequest request;
  Axis axis = Axis::kStep;
  std::vector<Point> points;
  bool thinned = false;  // points that were said are missing
  bool known = true;     // the incarnation that was asked for is told apart in memory
  bool from_journal = false;
  std::string_view place = "journal";  // where the points that memory has not are

  bool asks_for_more() const {
    return !known || (axis == Axis::kStep && thinned && points.size() < request.max_points);
  }
};

// A part of the answer in the journal: what one incarnation adds to it.
struct Part {
  JournalRange range;
  double offset = 0;
  double end = kNoBound;
};

Found in_memory(const SessionName& session, const TrainerCurves& curves, const Curve& curve, CurveRequest request) {
  Found found;
  found.session = session;
  found.axis = curve.axis();
  found.thinned = curve.thinned();
  if (!request.incarnation) {
    found.points = curves.line(request.name, request.x_min, request.x_max);
  } else if (curves.placement().find(Axis::kStep, *request.incarnation) != nullptr) {
    found.points = curves.of(request.name, *request.incarnation, request.x_min, request.x_max);
  } else {
    found.known = false;
  }
  found.request = std::move(request);
  return found;
}

std::vector<Part> parts_of(const Found& found, const Placement& placement) {
  const CurveRequest& request = found.request;
  const auto part = [&](const Place& place, double begin, double end) {
    return Part{{found.session, place.incarnation, request.name, std::max(request.x_min, begin) - place.offset,
                 std::min(request.x_max, end) - place.offset},
                place.offset,
                end};
  };
  if (!found.known) return {part({.incarnation = *request.incarnation}, -kNoBound, kNoBound)};
  std::vector<Part> parts;
  for (const Place& place : placement.places(Axis::kStep)) {
    if (request.incarnation && place.incarnation != *request.incarnation) continue;
    if (request.incarnation) return {part(place, -kNoBound, kNoBound)};
    if (place.begin <= request.x_max && place.end > request.x_min) parts.push_back(part(place, place.begin, place.end));
  }
  return parts;
}

using ReadPoints = std::function<JournalPoints(const JournalRange& range)>;

// Of incarnations that are no longer told apart memory's points stay.
void add_from_journal(const ReadPoints& read_points, const std::vector<Part>& parts, Found& found) {
  double begin = kNoBound;
  for (const Part& part : parts)
    begin = std::min(begin, part.range.x_min + part.offset);
  std::vector<Point> points;
  std::ranges::copy_if(found.points, std::back_inserter(points), [&](const Point& point) { return point.x < begin; });
  bool complete = true;
  for (const Part& part : parts) {
    const auto read = read_points(part.range);
    complete = complete && read.complete;
    for (const Point& point : read.points)
      if (const double x = point.x + part.offset; x < part.end) points.push_back({x, point.y});
  }
  if (!complete || points.size() < found.points.size()) return;
  found.points = std::move(points);
  found.thinned = false;
  found.from_journal = found.known = true;
}

Answer answer_of(const Found& found) {
  const CurveRequest& request = found.request;
  if (!found.known) return refusal(404, "no incarnation " + std::to_string(*request.incarnation));
  Answer answer;
  {  // closed before the answer moves away
    JsonObject object(answer.body);
    object.add("run", found.session.run).add("trainer", found.session.trainer).add("name", request.name);
    object.add("axis", axis_name(found.axis));
    if (request.incarnation) object.add("incarnation", std::to_string(*request.incarnation));
    object.add("total", found.points.size());
    object.add("from", found.from_journal ? found.place : "memory").add("thinned", found.thinned);
    object.add("not_finite",
               std::ranges::count_if(found.points, [](const Point& point) { return !std::isfinite(point.y); }));
    append_pairs(object.key("points"), decimate(found.points, request.max_points));
  }
  return answer;
}

// The points of a curve of a retired trainer. False when too much is being read.
bool read_history(Site& site, const Found& found, std::vector<Part> parts, const std::function<void(Answer)>& reply) {
  return site.history->ask([&site, found, parts = std::move(parts), reply](History& history) {
    Found more = found;
    more.place = "history";
    try {
      add_from_journal([&](const JournalRange& range) { return history.points(range); }, parts, more);
    } catch (const std::exception&) {
      more = found;  // what memory has, which says that it is not all
    }
    boost::asio::post(site.server.io, [reply, answer = answer_of(more)] { reply(answer); });
  });
}

}  // namespace

void answer_series(Site& site, const RequestTarget& target, std::function<void(Answer)> reply) {
  const SessionName session{target.segments[2], target.segments[3]};
  if (site.history && site.history->opens(session, [&site, target, reply] { answer_series(site, target, reply); }))
    return;
  const TrainerModel* trainer = site.model.find(session);
  if (trainer == nullptr) return reply(refusal(404, "no trainer " + session.id()));
  const TrainerCurves& curves = trainer->curves();
  if (!target.query.contains("name")) return reply(list(session, curves));
  CurveRequest request;
  if (const auto problem = read_request(target, request); !problem.empty()) return reply(refusal(400, problem));
  const auto curve = curves.all().find(request.name);
  if (curve == curves.all().end()) return reply(refusal(404, "no series of this name; without a name all are listed"));
  Found found = in_memory(session, curves, curve->second, std::move(request));
  const bool retired = site.history && site.history->has(session);
  found.thinned = found.thinned || (retired && site.history->thinned(session));
  if (!found.asks_for_more()) return reply(answer_of(found));
  if (retired) {
    if (!read_history(site, found, parts_of(found, curves.placement()), reply)) reply(answer_of(found));
    return;
  }
  const auto until = std::chrono::steady_clock::now() + kReadingTime;
  const auto read = [&site, until, reply, found, parts = parts_of(found, curves.placement())](ControlClient& client) {
    const auto give_up = [&] { return site.server.io.stopped() || std::chrono::steady_clock::now() > until; };
    Found more = found;
    add_from_journal([&](const JournalRange& range) { return read_journal(client, range, give_up); }, parts, more);
    boost::asio::post(site.server.io, [reply, answer = answer_of(more)] { reply(answer); });
  };
  if (!site.reading_room.ask(read)) reply(answer_of(found));
}

}  // namespace trainbus
