// What the broker counts, for `trainbus-ctl stats` and the metrics.

#include <filesystem>
#include <initializer_list>
#include <string>
#include <utility>

#include "broker/broker.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

std::string with_reason(const char* name, WireError error) {
  return std::string(name) + "{reason=\"" + std::string(wire_error_name(error)) + "\"}";
}

void add_rejected(v1::BrokerStats& stats, const char* name, const RejectCounters& rejected) {
  for (std::size_t i = 1; i < rejected.size(); ++i)
    (*stats.mutable_counters())[with_reason(name, static_cast<WireError>(i))] = rejected[i];
}

template <class Map>
void add(Map& figures, std::initializer_list<std::pair<const char*, typename Map::mapped_type>> named) {
  for (const auto& [name, value] : named)
    figures[std::string(name)] = value;
}

}  // namespace

v1::BrokerStats Broker::stats() const {
  v1::BrokerStats stats;
  stats.set_broker_incarnation(store_.broker_incarnation());
  add_data_counters(stats);
  add_record_counters(stats);
  add_control_counters(stats);
  add_journal_figures(stats);
  add_disk_figures(stats);
  add_gauges(stats);
  for (auto& limit : limits_.limits())
    *stats.add_limits() = std::move(limit);
  return stats;
}

void Broker::add_data_counters(v1::BrokerStats& stats) const {
  auto& counters = *stats.mutable_counters();
  const auto& data = data_.counters();
  add(counters, {{"data_messages_in_total", data.messages_in},
                 {"data_bytes_in_total", data.bytes_in},
                 {"data_messages_out_total", data.messages_out},
                 {"tiles_in_total", data.tiles_in},
                 {"heartbeats_in_total", data.heartbeats_in},
                 {"refused_total{reason=\"too_many_streams\"}", data.too_many_streams},
                 {"refused_total{reason=\"too_many_demanded\"}", data.too_many_demanded},
                 {"refused_total{reason=\"too_many_sessions\"}", roster_.refused()},
                 {"subscription_events_total", data.subscriptions}});
  add_rejected(stats, "data_rejected_total", data.rejected);
  add(counters, {{"tiles_lost_on_link_total", roster_.tiles_lost_on_link()},
                 {"accepts_failed_total", connections_.accepts_failed()},
                 {"handshakes_failed_total", connections_.handshakes_failed()}});
  for (const auto& [what, count] : gatekeeper_.refused())
    counters["forbidden_total{key=\"" + what.first + "\",act=\"" + what.second + "\"}"] = count;
  for (const auto& [what, count] : gatekeeper_.turned_away())
    counters["turned_away_total{key=\"" + what.first + "\",reason=\"" + what.second + "\"}"] = count;
}

void Broker::add_record_counters(v1::BrokerStats& stats) const {
  auto& counters = *stats.mutable_counters();
  const auto& intake = store_.intake().counters();
  add(counters, {{"records_accepted_total", intake.accepted},
                 {"records_duplicate_total", intake.duplicates},
                 {"records_conflicting_total", store_.conflicting()},
                 {"records_impossible_total", intake.impossible},
                 {"records_held_total", intake.held},
                 {"records_refused_total", intake.refused},
                 {"records_forgotten_total", intake.forgotten},
                 {"records_lost_total", intake.lost},
                 {"records_of_deleted_dropped_total", store_.dropped_as_deleted()},
                 {"sessions_left_out_of_lists_total", roster_.left_out()}});
}

void Broker::add_control_counters(v1::BrokerStats& stats) const {
  auto& counters = *stats.mutable_counters();
  const auto& control = control_.counters();
  add(counters, {{"control_requests_total", control.requests},
                 {"control_resent_records_total", control.resent_records},
                 {"control_hellos_total", control.hellos},
                 {"control_acks_total", control.acks},
                 {"control_fetches_total", control.fetches},
                 {"control_fetches_refused_total", control.fetches_too_many + control.fetches_too_large},
                 {"control_errors_total", control.errors_answered},
                 {"control_unreachable_total", control.unreachable},
                 {"control_not_read_total", control.not_read},
                 {"commands_issued_total", control.commands_issued},
                 {"commands_refused_total", control.commands_refused}});
  add_rejected(stats, "control_rejected_total", control.rejected);
}

void Broker::add_journal_figures(v1::BrokerStats& stats) const {
  auto& counters = *stats.mutable_counters();
  auto& gauges = *stats.mutable_gauges();
  const auto& journal = const_cast<Broker*>(this)->store_.journal().gauges();
  add(counters, {{"journal_commits_total", journal.commits},
                 {"journal_records_total", journal.rows},
                 {"journal_retired_total", journal.retired},
                 {"journal_retiring_held_up_total", journal.held_up},
                 {"journal_damaged_total", journal.damaged},
                 {"journal_gone_at_start_total", journal.gone_at_start}});
  add(gauges, {{"journal_commit_seconds_total", static_cast<double>(journal.commit_us) / 1e6},
               {"journal_waiting_records", static_cast<double>(journal.waiting_rows)},
               {"journal_wal_bytes", static_cast<double>(journal.wal_bytes)},
               {"journal_failing", journal.failing ? 1 : 0},
               {"state_folder_missing", journal.moved ? 1 : 0}});
  archives_.add_figures(stats, steady_ms());
}

// Of the file system with the journal; what it does not say is not there.
void Broker::add_disk_figures(v1::BrokerStats& stats) const {
  auto& gauges = *stats.mutable_gauges();
  std::error_code error;
  const auto space = std::filesystem::space(folder_.path(), error);
  if (!error)
    add(gauges, {{"disk_bytes", static_cast<double>(space.capacity)},
                 {"disk_free_bytes", static_cast<double>(space.available)}});
  const auto size = std::filesystem::file_size(folder_.journal_path(), error);
  if (!error) gauges["journal_bytes"] = static_cast<double>(size);
}

void Broker::add_gauges(v1::BrokerStats& stats) const {
  auto& gauges = *stats.mutable_gauges();
  add(gauges, {{"intake_waiting_bytes", static_cast<double>(store_.intake().counters().waiting_bytes)},
               {"sessions", static_cast<double>(roster_.size())},
               {"streams", static_cast<double>(store_.intake().streams())},
               {"commands_open", static_cast<double>(registry_.open_count())},
               {"connections{port=\"data_in\"}", static_cast<double>(connections_.open(Port::kDataIn))},
               {"connections{port=\"data_out\"}", static_cast<double>(connections_.open(Port::kDataOut))},
               {"connections{port=\"control\"}", static_cast<double>(connections_.open(Port::kControl))},
               {"keys", static_cast<double>(gatekeeper_.keys())},
               {"keys_stale_seconds", static_cast<double>(gatekeeper_.stale(steady_ms()).count()) / 1000},
               {"trainers_refused", static_cast<double>(files_.refused_now())}});
  gauges["info{id=\"" + folder_.broker_id() + "\",version=\"" + version() + "\"}"] = 1;
}

}  // namespace trainbus
