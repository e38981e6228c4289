#include "broker/sqlite.hpp"

namespace trainbus {
namespace {

[[noreturn]] void fail(sqlite3* database, const std::string& what) {
  const int code = sqlite3_errcode(database) & 0xff;
  throw SqliteError(code, std::string("journal '") + sqlite3_db_filename(database, "main") + "': " + what);
}

}  // namespace

SqliteDatabase open_sqlite(const std::string& path, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  SqliteDatabase database(raw);
  if (code != SQLITE_OK) throw SqliteError(code & 0xff, "journal '" + path + "': " + sqlite3_errstr(code));
  sqlite3_busy_timeout(raw, 2000);
  return database;
}

void execute(sqlite3* database, const char* sql) {
  if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(database, sqlite3_errmsg(database));
}

Statement::Statement(sqlite3* database, std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw,
                         nullptr) != SQLITE_OK)
    fail(database, sqlite3_errmsg(database));
  statement_.reset(raw);
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3* database = sqlite3_db_handle(statement_.get());
  const std::string what = sqlite3_errmsg(database);
  sqlite3_reset(statement_.get());
  fail(database, what);
}

void Statement::run() {
  while (step()) {
  }
  reset();
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

std::string_view Statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Statement::bind_one(int index, std::int64_t value) { sqlite3_bind_int64(statement_.get(), index, value); }

void Statement::bind_one(int index, std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();  // a null pointer would be NULL
  sqlite3_bind_blob64(statement_.get(), index, data, text.size(), SQLITE_STATIC);
}

std::uint64_t read_number(Statement& query) {
  std::uint64_t value = 0;
  query.each([&](const Statement& row) { value = row.number(0); });
  return value;
}

}  // namespace trainbus
