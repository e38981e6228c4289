#pragma once
// archive, restore and delete of what the broker's journal has of trainers, and the list of all it has.

#include <cstdint>
#include <string>
#include <vector>

#include "verbs.hpp"

namespace trainbus {

struct HistoryChange {
  v1::CommandType type = v1::UNKNOWN_COMMAND;  // ARCHIVE_HISTORY, RESTORE_HISTORY or DELETE_HISTORY
  std::vector<std::string> patterns;           // RUN or RUN/TRAINER, with * ? [] as in a shell
  std::int64_t older_than_ms = 0;              // only those whose last record is older; 0: all
  bool dry_run = false;                        // say what would be done
  bool yes = false;                            // delete without asking
  std::string issuer;
};

// Says first what is to be done, and how much of what that is; then does it, one trainer after the other. 0 when all
// that matched was done, also when it was nothing; a trainer that is live is named and left alone, which is 1.
int change_history(const CtlOptions& ctl, const HistoryChange& change);

// Every trainer of the run ("": of all) that the journal has, archived ones and those that ended long ago too.
int list_history(const CtlOptions& ctl, const std::string& run);

}  // namespace trainbus
