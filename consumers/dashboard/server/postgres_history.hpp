#pragma once
// The tables of the log sink `postgres`, read.

#include <libpq-fe.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "history.hpp"
#include "server_address.hpp"

namespace trainbus {

// Single-threaded but for give_up(). One connection, made when it is needed; read-only. A statement has kPatience.
class PostgresHistory : public History {
 public:
  static constexpr std::chrono::seconds kPatience{10};

  explicit PostgresHistory(const HistoryPlace& place);

  HistoryTrainers trainers() override;
  HistoryRecords newest(const std::vector<HistoryTrainer>& of) override;
  HistoryRecords all_of(const SessionName& session) override;
  JournalPoints points(const JournalRange& range) override;
  void give_up() override;

 private:
  // The answer to one question; text by row and column.
  class Rows {
   public:
    explicit Rows(PGresult* result) : result_(result, PQclear) {}
    int size() const { return PQntuples(result_.get()); }
    bool has(int row, int column) const { return PQgetisnull(result_.get(), row, column) == 0; }
    std::string_view text(int row, int column) const {
      return {PQgetvalue(result_.get(), row, column),
              static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
    }
    std::int64_t number(int row, int column) const;
    PGresult* get() const { return result_.get(); }

   private:
    std::unique_ptr<PGresult, decltype(&PQclear)> result_;
  };
  struct Life {  // an incarnation, as the database orders them
    SessionName session;
    std::uint64_t incarnation = 0;
    std::int64_t number = 0;
  };
  // Of one incarnation, by kind and sequence.
  using Messages = std::map<std::pair<Kind, std::uint64_t>, v1::MetricsRequest>;

  Rows ask(const std::string& sql, const std::vector<std::string>& values);
  void connect();
  std::string table(std::string_view name) const { return schema_ + '.' + std::string(name); }
  std::vector<std::string> key_of(const Life& life) const;
  void add_newest(Kind kind, const std::string& where, std::size_t place, const std::vector<std::string>& of,
                  std::map<std::pair<std::int64_t, std::size_t>, std::shared_ptr<const Record>>& found);
  void read_rows(Kind kind, const Life& life, std::size_t every, Messages& messages);
  void read_values(const Life& life, Kind kind, std::size_t every, Messages& messages);

  const ServerAddress server_;
  const std::string schema_;  // quoted
  const std::string site_;
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, PQfinish};
  std::atomic<bool> stopping_{false};
  std::atomic<int> socket_{-1};
};

}  // namespace trainbus
