#pragma once
// The little of SQLite's C interface the journal needs, with owners. Errors throw SqliteError; the code tells a full
// disk from a damaged file.

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace trainbus {

class SqliteError : public std::runtime_error {
 public:
  SqliteError(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  int code() const { return code_; }  // a primary result code: SQLITE_FULL, SQLITE_CORRUPT, ...

 private:
  int code_;
};

struct SqliteCloser {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using SqliteDatabase = std::unique_ptr<sqlite3, SqliteCloser>;

SqliteDatabase open_sqlite(const std::string& path, int flags);
void execute(sqlite3* database, const char* sql);

// A prepared statement; bind, then step() row by row, then reset() (or let run() do both).
class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* database, std::string_view sql);

  template <class... Values>
  Statement& bind(const Values&... values) {
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }
  // True when there is a row.
  bool step();
  void run();  // step to the end, reset
  void reset();
  // Calls `take(*this)` for each row; resets, whatever happens.
  template <class Take>
  void each(const Take& take) {
    struct Resetter {
      Statement& statement;
      ~Resetter() { statement.reset(); }
    } resetter{*this};
    while (step())
      take(*this);
  }

  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  // Valid until the next step or reset.
  std::string_view bytes(int column) const;

 private:
  void bind_one(int index, std::int64_t value);
  void bind_one(int index, std::uint64_t value) { bind_one(index, static_cast<std::int64_t>(value)); }
  void bind_one(int index, int value) { bind_one(index, static_cast<std::int64_t>(value)); }
  void bind_one(int index, std::string_view text);  // as a blob; must live until reset

  std::unique_ptr<sqlite3_stmt, SqliteCloser> statement_;
};

inline constexpr std::uint64_t kMaxPosition = INT64_MAX;  // what an SQLite integer holds

// The first column of the last row; 0 without any.
std::uint64_t read_number(Statement& query);

}  // namespace trainbus
