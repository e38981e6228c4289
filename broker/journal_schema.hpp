#pragma once
// The journal's file, version 2: its tables, and the rows that carry a checksum of their own.

#include <optional>
#include <string>

#include "broker/sqlite.hpp"
#include "broker/store_batch.hpp"

namespace trainbus {

inline constexpr int kJournalVersion = 2;
inline constexpr std::uint64_t kJournalPageBytes = 16'384;
// A block's directory and data that still fit one page beside what SQLite writes there.
inline constexpr std::uint64_t kMaxBlockBytes = kJournalPageBytes - 128;

// 0 where the file is new. Throws SqliteError where it is no database.
int journal_version(sqlite3* database);
// "journal 'PATH' has version 9, this broker reads version 2".
SqliteError wrong_version(const std::string& path, int version);
// Of a segment's row.
std::uint64_t checksum_of_text(std::string_view text);
// Makes what is not there.
void make_journal_tables(sqlite3* database);

// A row of the table `streams`, whose figures are as of the last segment that ended.
struct StreamState {
  StreamRow row;
  std::uint64_t last_position = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

class StreamRows {
 public:
  StreamRows() = default;
  explicit StreamRows(sqlite3* database);

  // Empty when there is none, or it is not what was written. Throws SqliteError when its page cannot be read.
  std::optional<StreamState> find(std::uint64_t stream);
  // Makes the row, with nothing in it, unless it is there.
  void make(const StreamRow& stream);
  // Writes the figures.
  void put(const StreamState& state);

  static constexpr const char* kColumns =
      "stream,session,incarnation,kind,last_sequence,last_position,records,bytes,checksum";
  // Empty when this is not what the checksum is of.
  static std::optional<StreamState> verified(StreamState state, std::uint64_t checksum);
  // Of a row of these columns.
  static std::optional<StreamState> read(const Statement& row);

 private:
  Statement find_, make_, put_;
};

}  // namespace trainbus
