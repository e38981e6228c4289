#include "api.hpp"

#include "command_api.hpp"
#include "json_text.hpp"
#include "media_api.hpp"
#include "metrics.hpp"
#include "names_api.hpp"
#include "series_api.hpp"
#include "site.hpp"
#include "trainers_api.hpp"

namespace trainbus {
namespace {

Answer health(const Site& site) {
  const BusState& bus = site.model.bus;
  Answer answer;
  {  // closed before the answer moves away
    JsonObject object(answer.body);
    object.add("ok", bus.connected && !bus.by_pages && bus.port_trouble.empty()).add("broker_connected", bus.connected);
    if (!bus.port_trouble.empty()) object.add("problem", bus.port_trouble);
  }
  return answer;
}

enum class Resource {
  kNone,
  kHealth,
  kMetrics,
  kTrainers,
  kTrainer,
  kAlerts,
  kNames,
  kSeries,
  kMedia,
  kCommands,
  kCommand
};

Resource resource_of(const RequestTarget& target) {
  const auto& segments = target.segments;
  if (target.path == "/healthz") return Resource::kHealth;
  if (target.path == "/metrics") return Resource::kMetrics;
  if (segments.size() < 2 || segments[0] != "api") return Resource::kNone;
  if (segments[1] == "trainers" && segments.size() == 2) return Resource::kTrainers;
  if (segments[1] == "alerts" && segments.size() == 2) return Resource::kAlerts;
  if (segments[1] == "names" && segments.size() == 2) return Resource::kNames;
  if (segments[1] == "trainers" && segments.size() == 4) return Resource::kTrainer;
  if (segments[1] == "trainers" && segments.size() == 5) {
    if (segments[4] == "series") return Resource::kSeries;
    if (segments[4] == "commands") return Resource::kCommands;
  }
  if (segments[1] == "trainers" && segments.size() >= 5 && segments.size() <= 7 && segments[4] == "media")
    return Resource::kMedia;
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
    case Resource::kTrainers: return reply(answer_trainers(site, request.target));
    case Resource::kTrainer: return reply(answer_trainer(site, request.target));
    case Resource::kAlerts: return reply({.body = alerts_json(site.model.alerts())});
    case Resource::kNames: return reply(answer_names(site.model));
    case Resource::kSeries: return reply(answer_series(site.model, request.target));
    case Resource::kMedia: return reply(answer_media(site.model, request.target));
    case Resource::kCommand: return find_command(site, request.target.segments[2], std::move(reply));
    default: return reply(refusal(404, "no such resource"));
  }
}

}  // namespace trainbus
