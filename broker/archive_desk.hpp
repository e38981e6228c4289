#pragma once
// The archives that --retain-until-archived names: who may say what they have, and how far each has the journal.
// Used by the bus thread only. Times are steady milliseconds.

#include <cstdint>
#include <map>
#include <string>

#include "broker/gatekeeper.hpp"
#include "broker/record_store.hpp"

namespace trainbus {

// An archive says in a fetch with `archived_by` which heads are on its disk. The journal's reader finds how far that
// is, the writer keeps it in the journal's file and retires nothing past the archive that has least.
class ArchiveDesk {
 public:
  // Takes up what the journal's file says of them. `store` and `gatekeeper` outlive this.
  ArchiveDesk(RecordStore& store, Gatekeeper& gatekeeper);

  // Why this asker may not say so, in one line; "": they may, or do not say that they are an archive.
  std::string problem(const v1::FetchRequest& fetch, const Identity& asker);
  // The reader has answered; of a statement in several parts, only the last counts.
  void answered(const FetchJob& job, std::int64_t now_ms);
  // archive_position, archive_behind_records and archive_quiet_seconds of each.
  void add_figures(v1::BrokerStats& stats, std::int64_t now_ms) const;

 private:
  struct Archive {
    std::uint64_t position = 0;  // in the journal; 0: it never came
    std::int64_t said_ms = -1;   // when it said so last; -1: not since this start
  };
  RecordStore& store_;
  Gatekeeper& gatekeeper_;
  std::map<std::string, Archive> archives_;
};

}  // namespace trainbus
