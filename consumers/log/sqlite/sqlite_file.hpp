#pragma once
// The little of SQLite's C interface that the sink needs, with owners. Errors are std::runtime_error with one line.

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace trainbus {

// One connection to a file of ours. Single-threaded.
class SqliteFile {
 public:
  // Opens the file or makes it, with sqlite_schema(). A file of the version before gets what it lacks. Refuses, and
  // leaves as it is, a file of anybody else or of another version.
  explicit SqliteFile(std::string path);

  void execute(const std::string& sql);
  // After a commit: moves the write-ahead log into the file itself when that was not done for kCheckpointEvery, as far
  // as readers let it. So a plain copy of the file has everything up to then.
  void checkpoint_when_due();
  // What was committed is on the disk. When nothing was since the last sync, the log is emptied too. Throws when the
  // file was removed or replaced.
  void sync();

  sqlite3* handle() const { return database_.get(); }
  [[noreturn]] void fail(const std::string& why) const;
  [[noreturn]] void fail() const;  // why: what SQLite says

 private:
  struct Closer {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  static constexpr std::chrono::milliseconds kCheckpointEvery{1000};

  std::int64_t pragma(const std::string& name);
  void checkpoint(int mode);
  void check_owner();
  void create();
  void upgrade();
  void add_missing_columns();

  const std::string path_;
  std::unique_ptr<sqlite3, Closer> database_;
  std::chrono::steady_clock::time_point checkpoint_at_{};
  std::int64_t synced_changes_ = -1;  // sqlite3_total_changes64() at the last sync
};

// A prepared statement of a file, which must outlive it.
class SqliteStatement {
 public:
  SqliteStatement(const SqliteFile& file, std::string_view sql);

  // Binds the next parameter. Text must live until the end of run() or step().
  SqliteStatement& integer(std::int64_t value);
  SqliteStatement& real(double value);  // NaN: NULL
  SqliteStatement& text(std::string_view value);
  SqliteStatement& blob(std::string_view bytes);  // as text
  SqliteStatement& null();

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
