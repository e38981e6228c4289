#pragma once
// Where everything is that a trainer gave out: the sums that must close once the bus is at rest.
//
//   records, per kind:  produced = stored + lost + in_outbox
//   tiles:              produced = skipped_no_demand + dropped_at_source + sent,  sent = broker_in + lost_on_link

#include <cstdint>
#include <string>
#include <vector>

#include "trainbus/topic.hpp"

namespace trainbus {

struct RecordLedger {
  Kind kind = v1::KIND_UNKNOWN;
  std::uint64_t produced = 0;
  std::uint64_t stored = 0;
  std::uint64_t lost = 0;  // never arrived and given up, since the broker started
  std::uint64_t in_outbox() const { return produced - stored - lost; }
};

struct TilesLedger {
  std::uint64_t produced = 0;
  std::uint64_t skipped_no_demand = 0;
  std::uint64_t dropped_at_source = 0;
  std::uint64_t sent = 0;
  std::uint64_t broker_in = 0;
  std::uint64_t gaps = 0;               // in the sequence of what came in
  std::uint64_t lost_to_consumers = 0;  // sent on, and missed by those who watched, as they report: in no sum
  // Gaps, and what was sent before the first or after the last that came in; what is under way counts until it arrives.
  std::uint64_t lost_on_link() const { return sent > broker_in ? sent - broker_in : 0; }
};

// An incarnation that is alive, or the newest of its trainer, as of its last heartbeat.
struct TrainerLedger {
  std::string session_id;
  std::uint64_t incarnation = 0;
  bool newest = true;  // of its name; another one is alive beside it
  // A heartbeat said what was produced. False: a plain publisher, or none since the broker started; then `produced` is
  // what is known to have arrived, and no sum can fail.
  bool heard = false;
  std::vector<RecordLedger> records = {};  // of the kinds that a trainer numbers, and that it has used
  TilesLedger tiles = {};
  std::uint64_t unnumbered = 0;  // records that the broker numbered itself: what was lost before it cannot be seen

  // What it gave out is known, so that its sums say something.
  bool known() const { return heard && unnumbered == 0; }
  // One line for each sum that does not close.
  std::vector<std::string> open_sums() const;
};

// A record stored proves that all before it were produced, also when the heartbeat is older.
TrainerLedger ledger_of(const v1::TrainerEntry& entry);

}  // namespace trainbus
