#pragma once
// The little of SQLite's C interface that the sink needs, with owners. Errors are std::runtime_error with one line.

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace trainbus {

// One connection to a file of ours. Single-threaded.
class SqliteFile {
 public:
  // Opens the file or makes it, with schema.sql. Refuses, and leaves as it is, a file of anybody else or of another
  // version.
  explicit SqliteFile(std::string path);

  void execute(const std::string& sql);
  // What was committed is on the disk. Throws when the file was removed or replaced.
  void sync();

  sqlite3* handle() const { return database_.get(); }
  [[noreturn]] void fail(const std::string& why) const;
  [[noreturn]] void fail() const;  // why: what SQLite says

 private:
  struct Closer {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::int64_t pragma(const std::string& name);
  void check_owner();
  void create();

  const std::string path_;
  std::unique_ptr<sqlite3, Closer> database_;
};

// A prepared statement of a file, which must outlive it.
class SqliteStatement {
 public:
  SqliteStatement(const SqliteFile& file, std::string_view sql);

  // Binds the next parameter. Text must live until the end of run() or step().
  SqliteStatement& integer(std::int64_t value);
  SqliteStatement& real(double value);  // NaN: NULL
  SqliteStatement& text(std::string_view value);
  SqliteStatement& null();
  SqliteStatement& nulls(int count);

  // To the end, then ready for the next binding.
  void run();
  // True when there is a row.
  bool step();
  void reset();

  std::int64_t integer_at(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  std::string text_at(int column) const;

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  const SqliteFile& file_;
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  int bound_ = 0;
};

}  // namespace trainbus
