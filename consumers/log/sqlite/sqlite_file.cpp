#include "sqlite_file.hpp"

#include <set>
#include <stdexcept>
#include <utility>

#include "sqlite_schema.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kApplicationId = 0x74726273;  // "trbs"
constexpr std::int64_t kSchemaVersion = 2;           // of sqlite_schema()
constexpr std::int64_t kUpgradable = 1;              // the version that upgrade() takes on
constexpr int kBusyMs = 5000;                        // how long another writer may hold the file

}  // namespace

SqliteFile::SqliteFile(std::string path) : path_(std::move(path)) {
  // A name such as ":memory:" means something else to SQLite.
  const std::string name = path_.starts_with(':') ? "./" + path_ : path_;
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(name.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(raw);
  if (code != SQLITE_OK) fail();
  sqlite3_extended_result_codes(raw, 0);
  sqlite3_busy_timeout(raw, kBusyMs);
  if (sqlite3_db_readonly(raw, "main") == 1) fail("is read-only");
  execute("PRAGMA synchronous=NORMAL");  // a commit survives our death; sync() is for the power
  if (pragma("application_id") != kApplicationId) create();
  check_owner();
  upgrade();
  // A copy of the file alone should have the tables, and what an earlier end left in the log.
  checkpoint(SQLITE_CHECKPOINT_PASSIVE);
  execute("PRAGMA wal_autocheckpoint=1000");  // pages: 4 MB
  execute("PRAGMA cache_size=-32000");
}

void SqliteFile::fail(const std::string& why) const { throw std::runtime_error('\'' + path_ + "': " + why); }
void SqliteFile::fail() const { fail(sqlite3_errmsg(database_.get())); }

void SqliteFile::execute(const std::string& sql) {
  if (sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

std::int64_t SqliteFile::pragma(const std::string& name) {
  SqliteStatement statement(*this, "PRAGMA " + name);
  return statement.step() ? statement.integer_at(0) : 0;
}

void SqliteFile::create() {
  // WAL first: it cannot be set within a transaction. The rest is there as a whole or not at all.
  const auto is_empty = [&] {
    SqliteStatement objects(*this, "SELECT count(*) FROM sqlite_master");
    return objects.step() && objects.integer_at(0) == 0 && pragma("application_id") == 0;
  };
  if (!is_empty()) return;
  execute("PRAGMA journal_mode=WAL");
  execute("BEGIN IMMEDIATE");
  if (is_empty()) {
    execute(sqlite_schema());
    execute("PRAGMA application_id=" + std::to_string(kApplicationId));
    execute("PRAGMA user_version=" + std::to_string(kSchemaVersion));
  }
  execute("COMMIT");
}

void SqliteFile::check_owner() {
  if (pragma("application_id") != kApplicationId) fail("is a database of another program");
  if (const auto version = pragma("user_version"); version != kSchemaVersion && version != kUpgradable)
    fail("has tables of version " + std::to_string(version) + ", this trainbus-log writes version " +
         std::to_string(kSchemaVersion));
}

void SqliteFile::upgrade() {
  if (pragma("user_version") != kUpgradable) return;
  execute("BEGIN IMMEDIATE");
  if (pragma("user_version") == kUpgradable) {
    add_missing_columns();
    if (sqlite3_exec(handle(), sqlite_upgrade().c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      fail("cannot get the tables of version " + std::to_string(kSchemaVersion) + ": " + sqlite3_errmsg(handle()));
    execute("PRAGMA user_version=" + std::to_string(kSchemaVersion));
  }
  execute("COMMIT");
}

void SqliteFile::add_missing_columns() {
  for (const auto kind : kKeptKinds) {
    const auto table = sqlite_row_table(kind);
    std::set<std::string> there;
    SqliteStatement columns(*this, "SELECT name FROM pragma_table_info('" + table + "')");
    while (columns.step())
      there.insert(columns.text_at(0));
    if (there.empty()) continue;  // made with the schema
    for (const auto& column : sqlite_columns(kind))
      if (!there.contains(column.substr(0, column.find(' '))))
        execute("ALTER TABLE " + table + " ADD COLUMN " + column);
  }
}

// Busy: a reader or another writer is in the way, and the next time will do.
void SqliteFile::checkpoint(int mode) {
  sqlite3_busy_timeout(handle(), 0);
  const int code = sqlite3_wal_checkpoint_v2(handle(), "main", mode, nullptr, nullptr);
  sqlite3_busy_timeout(handle(), kBusyMs);
  if (code != SQLITE_OK && code != SQLITE_BUSY && code != SQLITE_LOCKED) fail();
}

void SqliteFile::checkpoint_when_due() {
  const auto now = std::chrono::steady_clock::now();
  if (now < checkpoint_at_) return;
  checkpoint(SQLITE_CHECKPOINT_PASSIVE);
  checkpoint_at_ = now + kCheckpointEvery;
}

void SqliteFile::sync() {
  int moved = 0;
  sqlite3_file_control(handle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (moved != 0) fail("was removed or replaced");
  // Commits are in the write-ahead log until a checkpoint, which syncs by itself.
  sqlite3_file* log = nullptr;
  sqlite3_file_control(handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log == nullptr || log->pMethods == nullptr) return;
  if (const int code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL); code != SQLITE_OK) fail(sqlite3_errstr(code));
  const auto changes = sqlite3_total_changes64(handle());
  const bool idle = std::exchange(synced_changes_, changes) == changes;
  checkpoint(idle ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
}

SqliteStatement::SqliteStatement(const SqliteFile& file, std::string_view sql) : file_(file) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(file.handle(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw,
                         nullptr) != SQLITE_OK)
    file.fail();
  statement_.reset(raw);
}

SqliteStatement& SqliteStatement::integer(std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), ++bound_, value);
  return *this;
}
SqliteStatement& SqliteStatement::real(double value) {
  sqlite3_bind_double(statement_.get(), ++bound_, value);
  return *this;
}
SqliteStatement& SqliteStatement::text(std::string_view value) {
  sqlite3_bind_text64(statement_.get(), ++bound_, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}
SqliteStatement& SqliteStatement::null() {
  sqlite3_bind_null(statement_.get(), ++bound_);
  return *this;
}
SqliteStatement& SqliteStatement::blob(std::string_view bytes) {
  sqlite3_bind_blob64(statement_.get(), ++bound_, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

bool SqliteStatement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  const std::string why = sqlite3_errmsg(file_.handle());
  reset();
  file_.fail(why);
}
void SqliteStatement::reset() {
  sqlite3_reset(statement_.get());
  bound_ = 0;
}
void SqliteStatement::run() {
  while (step())
    continue;
  reset();
}

std::string SqliteStatement::text_at(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

}  // namespace trainbus
