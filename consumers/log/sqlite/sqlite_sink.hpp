#pragma once
// sqlite:PATH, one SQLite file with tables for analysis (README.md). It can be read while it is written.

#include <optional>

#include "sqlite_tables.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

// One transaction per flush. The tables are the position.
class SqliteSink : public Sink {
 public:
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
  const std::string path_;
  std::optional<SqliteFile> file_;
  std::optional<SqliteTables> tables_;
  bool in_transaction_ = false;
};

}  // namespace trainbus
