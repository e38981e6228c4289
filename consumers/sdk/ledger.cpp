#include "trainbus/ledger.hpp"

#include <algorithm>

namespace trainbus {
namespace {

template <class Positions>
std::uint64_t sequence_of(const Positions& positions, Kind kind) {
  for (const auto& position : positions)
    if (position.kind() == kind) return position.sequence();
  return 0;
}

bool find_heartbeat(const v1::TrainerEntry& entry, v1::Heartbeat& heartbeat) {
  v1::MetricsRequest message;
  for (const auto& last : entry.last())
    if (last.kind() == v1::KIND_HEARTBEAT && message.ParseFromString(last.message()) && message.has_heartbeat()) {
      heartbeat = message.heartbeat();
      return true;
    }
  return false;
}

std::string count(std::uint64_t number, const char* what) { return std::to_string(number) + ' ' + what; }

}  // namespace

TrainerLedger ledger_of(const v1::TrainerEntry& entry) {
  TrainerLedger ledger{.session_id = entry.session_id(),
                       .incarnation = entry.incarnation(),
                       .newest = entry.newest() || entry.order() == 0};
  ledger.unnumbered = entry.unnumbered();
  v1::Heartbeat heartbeat;
  ledger.heard = find_heartbeat(entry, heartbeat);
  for (const Kind kind : kTrainerKinds) {
    const auto through = sequence_of(entry.stored(), kind);
    const auto lost = std::min(sequence_of(entry.lost(), kind), through);
    const auto produced = std::max(sequence_of(heartbeat.highest(), kind), through);
    if (produced > 0) ledger.records.push_back({kind, produced, through - lost, lost});
  }
  const auto& tiles = heartbeat.tiles();
  ledger.tiles = {tiles.produced(), tiles.skipped_no_demand(),  tiles.dropped_at_source(),      tiles.sent(),
                  entry.tiles_in(), entry.tiles_lost_on_link(), entry.tiles_lost_to_consumers()};
  return ledger;
}

std::vector<std::string> TrainerLedger::open_sums() const {
  std::vector<std::string> open;
  if (!heard) return open;
  for (const auto& record : records)
    if (record.in_outbox() > 0)
      open.push_back(session_id + ' ' + std::string(kind_name(record.kind)) + ": " +
                     count(record.produced, "produced, ") + count(record.stored, "stored, ") +
                     count(record.lost, "lost, ") + count(record.in_outbox(), "in the outbox"));
  if (tiles.produced != tiles.skipped_no_demand + tiles.dropped_at_source + tiles.sent)
    open.push_back(session_id + " tiles: " + count(tiles.produced, "produced, ") +
                   count(tiles.skipped_no_demand, "skipped without demand, ") +
                   count(tiles.dropped_at_source, "dropped at the source, ") + count(tiles.sent, "sent"));
  if (tiles.broker_in + tiles.gaps > tiles.sent)
    open.push_back(session_id + " tiles: " + count(tiles.sent, "sent by the last heartbeat, ") +
                   count(tiles.broker_in, "taken in, ") + count(tiles.gaps, "missing between them"));
  return open;
}

}  // namespace trainbus
