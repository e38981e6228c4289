#include "metrics.hpp"

#include "bus_metrics.hpp"
#include "site.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

void add_bus(MetricFamilies& families, const Site& site) {
  const ConsumerCounters& bus = site.model.bus.counters;
  const auto count = [&](const char* name, const char* help, std::uint64_t value, MetricLabels labels = {}) {
    families.counter(name, help, std::move(labels), value);
  };
  families.gauge("broker_connected", "Whether the broker answers", {}, site.model.bus.connected ? 1 : 0);
  families.gauge("broker_feed_live", "Whether records come as they are published, not by pages of the journal", {},
                 site.model.bus.connected && !site.model.bus.by_pages ? 1 : 0);
  count("messages_received_total", "Records and heartbeats taken in", bus.received);
  count("messages_duplicate_total", "Records seen before and dropped", bus.duplicates);
  count("messages_lost_total", "Records that the journal has no longer", bus.lost);
  count("stream_gaps_total", "Gaps in the live feed, repaired from the journal", bus.gaps);
  for (const auto& [reason, value] : bus.rejected)
    count("messages_rejected_total", "Messages that are not records", value, {{"reason", reason}});
  const TileCounters tiles = site.tiles.counters();
  count("tiles_received_total", "Batches of tiles taken in", tiles.received);
  count("tiles_replaced_total", "Batches of tiles that a newer one replaced before they were looked at",
        tiles.replaced);
  count("tiles_lost_total", "Batches of tiles lost between trainer and dashboard", tiles.lost_on_link);
}

void add_server(MetricFamilies& families, const Site& site) {
  const HubCounters& hub = site.hub.counters();
  const auto count = [&](const char* name, const char* help, std::uint64_t value, MetricLabels labels = {}) {
    families.counter(name, help, std::move(labels), value);
  };
  families.gauge("build_info", "1", {{"version", version()}}, 1);
  families.gauge("dashboard_connections", "Open connections", {},
                 static_cast<double>(site.server.connections.current()));
  families.gauge("dashboard_browsers", "Open WebSockets", {}, static_cast<double>(site.hub.browsers()));
  for (const auto& [status, responses] : site.server.responses)
    count("dashboard_http_responses_total", "HTTP answers", responses, {{"code", std::to_string(status)}});
  const ConnectionCounters& connections = site.server.connections.counters();
  const char* refused_help = "Connections answered 503 for want of room";
  count("dashboard_refused_total", refused_help, connections.refused, {{"what", "connection"}});
  count("dashboard_refused_total", refused_help, connections.web_sockets_refused, {{"what", "web_socket"}});
  count("dashboard_made_way_total", "Idle connections that were ended for others", connections.made_way);
  for (const auto& limit : site.limits.limits()) {
    families.gauge("dashboard_limit", "Where each bound of this program stands", {{"limit", limit.name()}},
                   limit.value());
    families.gauge("dashboard_limit_bound", "The bounds", {{"limit", limit.name()}}, limit.bound());
    count("dashboard_limit_met_total", "How often each was met", limit.met_total(), {{"limit", limit.name()}});
  }
  count("dashboard_browsers_total", "WebSockets opened", hub.opened);
  const char* cut_help = "WebSockets that the server ended";
  count("dashboard_browsers_cut_total", cut_help, hub.slow_readers, {{"reason", "slow_reader"}});
  count("dashboard_browsers_cut_total", cut_help, hub.bad_messages, {{"reason", "bad_message"}});
  count("dashboard_sent_messages_total", "WebSocket messages sent", hub.sent_messages);
  count("dashboard_sent_bytes_total", "Bytes of WebSocket messages sent", hub.sent_bytes);
  count("dashboard_tiles_dropped_total", "Batches of tiles that a newer one replaced for want of a browser's credit",
        hub.dropped_tiles);
}

}  // namespace

std::string metrics_text(const Site& site) {
  MetricFamilies families;
  const Moment moment = site.hub.moment();
  const auto add = [&](const TrainerView& view) {
    add_trainer_metrics(families, view, view.liveness(moment.now_ms, moment.broker_connected), moment.now_ms);
  };
  for (const auto& [name, trainer] : site.model.trainers()) {
    add(trainer.view());
    for (const TrainerView* view : trainer.beside(moment.now_ms))
      add(*view);
  }
  add_bus(families, site);
  for (const auto& ledger : site.broker.ledgers)
    add_ledger_metrics(families, ledger);
  if (site.broker.stats) add_broker_metrics(families, *site.broker.stats);
  add_server(families, site);
  return families.text();
}

}  // namespace trainbus
