#include "api.hpp"

#include "command_api.hpp"
#include "json_text.hpp"
#include "ledger_api.hpp"
#include "media_api.hpp"
#include "metrics.hpp"
#include "names_api.hpp"
#include "series_api.hpp"
#include "site.hpp"
#include "trainers_api.hpp"

namespace trainbus {
namespace {

// Of all sites together: well when all are.
Answer health(const Server& server) {
  bool ok = true, connected = true;
  std::string problem;
  for (const auto& site : server.sites) {
    const BusState& bus = site->model.bus;
    const std::string& trouble = bus.port_trouble.empty() ? site->model.storing_trouble().message : bus.port_trouble;
    ok = ok && bus.connected && !bus.by_pages && trouble.empty();
    connected = connected && bus.connected;
    if (!problem.empty() || trouble.empty()) continue;
    problem = (site->at.name.empty() ? "" : site->at.name + ": ") + trouble;
  }
  Answer answer;
  {  // closed before the answer moves away
    JsonObject object(answer.body);
    object.add("ok", ok).add("broker_connected", connected);
    if (!problem.empty()) object.add("problem", problem);
  }
  return answer;
}

Answer answer_sites(const Server& server) {
  Answer answer;
  {  // closed before the answer moves away
    JsonObject object(answer.body);
    append_json_array(object.key("sites"), server.sites, [&](const auto& site) {
      JsonObject(answer.body)
          .add("name", site->at.name)
          .add("broker", site->at.address)
          .add("broker_connected", site->model.bus.connected)
          .add("trainers", site->model.trainers().size());
    });
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
  kSites,
  kLedger,
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
  if (segments[1] == "sites" && segments.size() == 2) return Resource::kSites;
  if (segments[1] == "names" && segments.size() == 2) return Resource::kNames;
  if (segments[1] == "trainers" && segments.size() == 4) return Resource::kTrainer;
  if (segments[1] == "trainers" && segments.size() == 5) {
    if (segments[4] == "series") return Resource::kSeries;
    if (segments[4] == "ledger") return Resource::kLedger;
    if (segments[4] == "commands") return Resource::kCommands;
  }
  if (segments[1] == "trainers" && segments.size() >= 5 && segments.size() <= 7 && segments[4] == "media")
    return Resource::kMedia;
  if (segments[1] == "commands" && segments.size() == 3) return Resource::kCommand;
  return Resource::kNone;
}

}  // namespace

Answer wrong_method(std::string_view allowed) {
  Answer answer = refusal(405, "use " + std::string(allowed));
  answer.allow = allowed;
  return answer;
}

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
    case Resource::kHealth: return reply(health(site.server));
    case Resource::kMetrics: return reply({.body = metrics_text(site), .content_type = kMetricsContentType});
    case Resource::kTrainers: return reply(answer_trainers(site, request.target));
    case Resource::kTrainer: return reply(answer_trainer(site, request.target));
    case Resource::kAlerts: return reply({.body = alerts_json(site.model.alerts())});
    case Resource::kSites: return reply(answer_sites(site.server));
    case Resource::kLedger: return reply(answer_ledger(site, request.target));
    case Resource::kNames: return reply(answer_names(site.model));
    case Resource::kSeries: return answer_series(site, request.target, std::move(reply));
    case Resource::kMedia: return reply(answer_media(site.model, request.target));
    case Resource::kCommand: return find_command(site, request.target.segments[2], std::move(reply));
    default: return reply(refusal(404, "no such resource"));
  }
}

}  // namespace trainbus
