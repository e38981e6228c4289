#pragma once
// sqlite:PATH, one SQLite file with tables for analysis (README.md). It can be read while it is written.

#include <optional>
#include <string>
#include <vector>

#include "sqlite_tables.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

// One short transaction per flush: records wait in memory for it, so that the file's write lock is free in between and
// others can make tables of their own there. At most kMostWaiting of them; more are a transaction at once. The tables
// are the position.
class SqliteSink : public Sink {
 public:
  static constexpr std::size_t kMostWaiting = 2048;           // records
  static constexpr std::size_t kMostWaitingBytes = 16 << 20;  // as they were sent
  static constexpr trainbus_sink_option kOptions[] = {
      {"path", "PATH", nullptr, "the file, made when it is not there", 0},
      {},
  };
  static constexpr SinkInfo kInfo{"sqlite", "one SQLite file with tables for analysis", TRAINBUS_SINK_KNOWS, kOptions};

  explicit SqliteSink(const SinkOptions& options);

  StreamHeads open() override;
  void write(const SinkRecord& record) override;
  void flush() override;
  void sync() override;

 private:
  // A record that outlives the call that brought it.
  struct Waiting {
    std::string kind, run, trainer;
    std::uint64_t incarnation = 0, sequence = 0;
    std::int64_t timestamp_ms = 0;
    v1::MetricsRequest message;
  };
  void insert(const Waiting& record);

  const std::string path_;
  std::optional<SqliteFile> file_;
  std::optional<SqliteTables> tables_;
  std::vector<Waiting> waiting_;  // the first waiting_count_; the rest is kept for its memory
  std::size_t waiting_count_ = 0;
  std::size_t waiting_bytes_ = 0;
};

}  // namespace trainbus
