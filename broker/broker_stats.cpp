// What the broker counts, for `trainbus-ctl stats` and the metrics.

#include <utility>

#include "broker/broker.hpp"

namespace trainbus {
namespace {

std::string with_reason(const char* name, WireError error) {
  return std::string(name) + "{reason=\"" + std::string(wire_error_name(error)) + "\"}";
}

void add_rejected(v1::BrokerStats& stats, const char* name, const RejectCounters& rejected) {
  for (std::size_t i = 1; i < rejected.size(); ++i)
    (*stats.mutable_counters())[with_reason(name, static_cast<WireError>(i))] = rejected[i];
}

}  // namespace

v1::BrokerStats Broker::stats() const {
  v1::BrokerStats stats;
  stats.set_broker_incarnation(store_.broker_incarnation());
  auto& counters = *stats.mutable_counters();
  const auto& data = data_.counters();
  counters["data_messages_in_total"] = data.messages_in;
  counters["data_bytes_in_total"] = data.bytes_in;
  counters["data_messages_out_total"] = data.messages_out;
  counters["tiles_in_total"] = data.tiles_in;
  counters["heartbeats_in_total"] = data.heartbeats_in;
  counters["refused_total{reason=\"too_many_streams\"}"] = data.too_many_streams;
  counters["refused_total{reason=\"too_many_demanded\"}"] = data.too_many_demanded;
  counters["refused_total{reason=\"too_many_sessions\"}"] = roster_.refused();
  counters["subscription_events_total"] = data.subscriptions;
  add_rejected(stats, "data_rejected_total", data.rejected);
  const auto& intake = store_.intake().counters();
  counters["records_accepted_total"] = intake.accepted;
  counters["records_duplicate_total"] = intake.duplicates;
  counters["records_impossible_total"] = intake.impossible;
  counters["records_held_total"] = intake.held;
  counters["records_refused_total"] = intake.refused;
  counters["records_forgotten_total"] = intake.forgotten;
  counters["records_lost_total"] = intake.lost;
  counters["records_of_deleted_dropped_total"] = store_.dropped_as_deleted();
  counters["sessions_left_out_of_lists_total"] = roster_.left_out();
  const auto& control = control_.counters();
  counters["control_requests_total"] = control.requests;
  counters["control_resent_records_total"] = control.resent_records;
  counters["control_hellos_total"] = control.hellos;
  counters["control_acks_total"] = control.acks;
  counters["control_fetches_total"] = control.fetches;
  counters["control_fetches_refused_total"] = control.fetches_too_many + control.fetches_too_large;
  counters["control_errors_total"] = control.errors_answered;
  counters["control_unreachable_total"] = control.unreachable;
  counters["control_not_read_total"] = control.not_read;
  counters["commands_issued_total"] = control.commands_issued;
  counters["commands_refused_total"] = control.commands_refused;
  add_rejected(stats, "control_rejected_total", control.rejected);
  counters["tiles_lost_on_link_total"] = roster_.tiles_lost_on_link();
  const auto& journal = const_cast<Broker*>(this)->store_.journal().gauges();
  counters["journal_commits_total"] = journal.commits;
  counters["journal_records_total"] = journal.rows;
  counters["journal_retired_total"] = journal.retired;
  counters["journal_damaged_total"] = journal.damaged;
  counters["journal_gone_at_start_total"] = journal.gone_at_start;
  auto& gauges = *stats.mutable_gauges();
  gauges["journal_commit_seconds_total"] = static_cast<double>(journal.commit_us) / 1e6;
  gauges["journal_waiting_records"] = static_cast<double>(journal.waiting_rows);
  gauges["journal_wal_bytes"] = static_cast<double>(journal.wal_bytes);
  gauges["journal_failing"] = journal.failing ? 1 : 0;
  gauges["state_folder_missing"] = journal.moved ? 1 : 0;
  gauges["intake_waiting_bytes"] = static_cast<double>(intake.waiting_bytes);
  gauges["sessions"] = static_cast<double>(roster_.size());
  gauges["streams"] = static_cast<double>(store_.intake().streams());
  gauges["commands_open"] = static_cast<double>(registry_.open_count());
  gauges["connections{port=\"data_in\"}"] = static_cast<double>(connections_.open(Port::kDataIn));
  gauges["connections{port=\"data_out\"}"] = static_cast<double>(connections_.open(Port::kDataOut));
  gauges["connections{port=\"control\"}"] = static_cast<double>(connections_.open(Port::kControl));
  counters["handshakes_failed_total"] = connections_.handshakes_failed();
  for (const auto& [what, count] : gatekeeper_.refused())
    counters["forbidden_total{key=\"" + what.first + "\",act=\"" + what.second + "\"}"] = count;
  for (const auto& [what, count] : gatekeeper_.turned_away())
    counters["turned_away_total{key=\"" + what.first + "\",reason=\"" + what.second + "\"}"] = count;
  gauges["keys"] = static_cast<double>(gatekeeper_.keys());
  gauges["trainers_refused"] = static_cast<double>(files_.refused_now());
  counters["accepts_failed_total"] = connections_.accepts_failed();
  for (auto& limit : limits_.limits())
    *stats.add_limits() = std::move(limit);
  return stats;
}

}  // namespace trainbus
