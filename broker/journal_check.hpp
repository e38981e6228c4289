#pragma once
// Reads a whole journal that no broker has open, and says what of it is not as it was written.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace trainbus {

struct JournalReport {
  std::uint64_t records = 0;            // as they were written
  std::uint64_t damaged_records = 0;    // that are not
  std::uint64_t missing_positions = 0;  // of records on pages that cannot be read
  std::uint64_t gone_at_the_end = 0;    // stored once, and behind the last that is there
  std::uint64_t streams = 0;
  std::vector<std::string> problems;  // one line each, a hundred at most
  std::uint64_t problems_left_out = 0;

  bool clean() const { return problems.empty(); }
  bool only_its_end_is_gone() const { return gone_at_the_end > 0 && problems.size() == 1; }
};

// Calls `progress` with (position, last position) now and then. Changes nothing. Throws SqliteError with one line where
// the file cannot be opened at all.
JournalReport check_journal(const std::string& path, const std::function<void(std::uint64_t, std::uint64_t)>& progress);

}  // namespace trainbus
