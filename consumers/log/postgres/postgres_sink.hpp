#pragma once
// Records as rows of a PostgreSQL database, which many trainbus-logs of many brokers may share.

#include <map>
#include <memory>
#include <pqxx/pqxx>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "record_tables.hpp"
#include "server_address.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

// Each flush is one transaction with the rows and the heads of their streams, so the database knows exactly what it
// has, whichever side dies. Rows that are there already stay as they are: two writers of the same records are one.
// Memory: at most kBufferBytes and one record wait for a flush.
class PostgresSink : public Sink {
 public:
  static constexpr std::size_t kBufferBytes = 16 << 20;
  static constexpr trainbus_sink_option kOptions[] = {
      {"to", "URL", "",
       "postgresql://user@host:5432/database, or conninfo; what it lacks is taken from PG* variables, PGPASSFILE or "
       "~/.pgpass, and a service file",
       2},
      {"schema", "NAME", "trainbus", "schema of the tables; made when it is not there", 0},
      {"site", "NAME", "", "which of several brokers these records are of: a part of every key and view", 0},
      {"adopt", "no|yes", "no", "yes: this broker takes the place of the one that wrote the site until now", 0},
      {"password_file", "FILE", "", "its first line is the password; read again at each connection", 0},
      {"timeout", "TIME", "30s", "how long the server may take to let in, or for a statement", 0},
      {},
  };
  static constexpr SinkInfo kInfo{"postgres", "rows in a PostgreSQL database, one table per kind", TRAINBUS_SINK_KNOWS,
                                  kOptions};

  explicit PostgresSink(const SinkOptions& options);

  StreamHeads open() override;
  void write(const SinkRecord& record) override;
  void flush() override;

 private:
  // Runs it, not for long, and turns what the server or libpqxx throws into one line.
  template <typename Action>
  void asking(Action action);
  void connect();
  void set_up();
  // Asks the broker who it is, when it can be reached: at the start, else once records come from it.
  void claim();
  StreamHeads read_heads();
  void write_heads(pqxx::work& transaction);
  void write_lives(pqxx::work& transaction);
  void write_rows(pqxx::work& transaction);
  template <typename Action>
  void for_each_waiting(Action action);

  const SinkOptions options_;
  ServerAddress server_;
  const std::string schema_;  // quoted
  const std::string site_;
  const bool adopt_;
  bool claimed_ = false;  // since open()
  const std::chrono::milliseconds timeout_;
  std::unique_ptr<pqxx::connection> connection_;
  TableLines lines_;                                   // COPY lines that wait
  using Life = std::pair<std::string, std::uint64_t>;  // session_id and incarnation
  std::set<Life> known_lives_;                         // written since open(), or waiting
  std::vector<Life> new_lives_;                        // waiting, in the order in which they came
  StreamHeads heads_;                                  // of what waits
  std::size_t waiting_bytes_ = 0;
};

}  // namespace trainbus
