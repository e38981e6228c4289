#include "api.hpp"

#include <algorithm>

#include "command_api.hpp"
#include "json_text.hpp"
#include "metrics.hpp"
#include "site.hpp"
#include "trainer_json.hpp"

namespace trainbus {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Answer health(const Site& site) {
  Answer answer;
  JsonObject(answer.body).add("ok", true).add("broker_connected", site.model.bus.connected);
  return answer;
}

Answer trainers(const Site& site) {
  Answer answer;
  const Moment moment = site.hub.moment();
  {  // closed before the answer moves away
    JsonObject object(answer.body);
    append_json_array(object.key("trainers"), site.model.trainers(), [&](const auto& entry) {
      const TrainerModel& trainer = entry.second;
      append_trainer(answer.body, trainer, moment, site.tiles.watched(trainer.view().session()), false);
    });
  }
  return answer;
}

// /api/trainers/{run}/{trainer}/series?name=…
Answer series(const Site& site, const RequestTarget& target) {
  const SessionName session{target.segments[2], target.segments[3]};
  const TrainerModel* trainer = site.model.find(session);
  if (trainer == nullptr) return refusal(404, "no trainer " + session.id());
  const auto name = target.query.find("name");
  const auto id = name == target.query.end() ? std::nullopt : series_from_name(name->second);
  if (!id) return refusal(name == target.query.end() ? 400 : 404, "name must be one of the series of README.md");
  const auto max_points = target.number("max_points", 2000);
  const auto x_min = target.number("x_min", -kInfinity);
  const auto x_max = target.number("x_max", kInfinity);
  if (!max_points || *max_points < 4 || *max_points > 100'000) return refusal(400, "max_points must be 4 to 100000");
  if (!x_min || !x_max) return refusal(400, "x_min and x_max must be numbers");

  const auto points = trainer->series(*id).range(*x_min, *x_max);
  Answer answer;
  {  // closed before the answer moves away
    JsonObject object(answer.body);
    object.add("run", session.run).add("trainer", session.trainer).add("name", series_name(*id));
    object.add("total", points.size());
    append_pairs(object.key("points"), decimate(points, static_cast<std::size_t>(*max_points)));
  }
  return answer;
}

enum class Resource { kNone, kHealth, kMetrics, kTrainers, kSeries, kCommands, kCommand };

Resource resource_of(const RequestTarget& target) {
  const auto& segments = target.segments;
  if (target.path == "/healthz") return Resource::kHealth;
  if (target.path == "/metrics") return Resource::kMetrics;
  if (segments.size() < 2 || segments[0] != "api") return Resource::kNone;
  if (segments[1] == "trainers" && segments.size() == 2) return Resource::kTrainers;
  if (segments[1] == "trainers" && segments.size() == 5) {
    if (segments[4] == "series") return Resource::kSeries;
    if (segments[4] == "commands") return Resource::kCommands;
  }
  if (segments[1] == "commands" && segments.size() == 3) return Resource::kCommand;
  return Resource::kNone;
}

Answer wrong_method(std::string_view allowed) {
  Answer answer = refusal(405, "use " + std::string(allowed));
  answer.allow = allowed;
  return answer;
}

}  // namespace

Answer refusal(unsigned status, std::string_view why) { return {.status = status, .body = json_error(why)}; }

bool is_api(const RequestTarget& target) {
  return resource_of(target) != Resource::kNone || (!target.segments.empty() && target.segments.front() == "api");
}

void answer_api(Site& site, const ApiRequest& request, std::function<void(Answer)> reply) {
  const Resource resource = resource_of(request.target);
  if (resource == Resource::kCommands) {
    if (!request.post) return reply(wrong_method("POST"));
    return issue_command(site, request, std::move(reply));
  }
  if (resource != Resource::kNone && request.post) return reply(wrong_method("GET"));
  switch (resource) {
    case Resource::kHealth: return reply(health(site));
    case Resource::kMetrics: return reply({.body = metrics_text(site), .content_type = kMetricsContentType});
    case Resource::kTrainers: return reply(trainers(site));
    case Resource::kSeries: return reply(series(site, request.target));
    case Resource::kCommand: return find_command(site, request.target.segments[2], std::move(reply));
    default: return reply(refusal(404, "no such resource"));
  }
}

}  // namespace trainbus
