#pragma once
// The rows of schema.sql: one per kept record, by (life, sequence). A row that is there already is left as it is.

#include <map>
#include <string>
#include <vector>

#include "sqlite_file.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

// Single-threaded. Throws std::runtime_error with one line when the file cannot be written.
class SqliteTables {
 public:
  // `file` must outlive this.
  explicit SqliteTables(SqliteFile& file);

  // The highest sequence of each stream.
  StreamHeads heads();
  void insert(const SinkRecord& record);

 private:
  // One process life of a trainer.
  struct Life {
    std::string run, trainer;
    std::uint64_t incarnation = 0;
    auto operator<=>(const Life&) const = default;
  };
  std::int64_t life_of(const SinkRecord& record);

  void bind(SqliteStatement& row, const v1::BatchData& batch);
  void bind(SqliteStatement& row, const v1::EpochData& epoch);
  void bind(SqliteStatement& row, const v1::PerformanceData& perf);
  void bind(SqliteStatement& row, const v1::StatusUpdate& status);
  void bind(SqliteStatement& row, const v1::ControlCommand& command);
  void bind(SqliteStatement& row, const v1::Alert& alert);

  SqliteFile& file_;
  std::map<Kind, SqliteStatement> inserts_;
  SqliteStatement add_life_;
  std::map<Life, std::int64_t> lives_;
  const std::pair<const Life, std::int64_t>* last_ = nullptr;  // mostly the same again
  std::string json_[3];                                        // lists of the row being bound
};

}  // namespace trainbus
