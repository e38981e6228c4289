#pragma once
// Makes a whole journal of a damaged one that no broker has open: every record that can still be found, by the file's
// trees or page by page without them; what is missing becomes LOST.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "broker/store_batch.hpp"

namespace trainbus {

struct RepairReport {
  std::uint64_t records = 0;         // kept
  std::uint64_t found_on_pages = 0;  // of these, where no tree leads any more
  std::uint64_t lost = 0;            // records that are LOST now
  struct Range {
    StreamRow stream;
    std::uint64_t first_sequence = 0;
    std::uint64_t last_sequence = 0;
  };
  std::vector<Range> ranges;  // of `lost`
  // Stored once, and behind the last that is kept: whose they were nothing tells. The next start says so too.
  std::uint64_t gone_at_the_end = 0;
  std::string damaged_path;  // where the old file is kept
};

// The old file is kept as PATH.damaged-DATE. Throws SqliteError or std::runtime_error with one line, and the old file
// is then where it was.
RepairReport repair_journal(const std::string& path, const std::function<void(const std::string&)>& progress);

}  // namespace trainbus
