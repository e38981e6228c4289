#include "broker/backup_desk.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "broker/journal_check.hpp"
#include "broker/sqlite.hpp"

namespace trainbus {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

std::uint64_t size_of(const std::string& path) {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 ? static_cast<std::uint64_t>(found.st_size) : 0;
}

// Page by page from one view of the file, so that what is stored meanwhile neither shows nor makes it begin again.
void copy_pages(sqlite3* from, sqlite3* to, const std::atomic<bool>& stop) {
  constexpr int kPagesAtOnce = 256;
  sqlite3_backup* backup = sqlite3_backup_init(to, "main", from, "main");
  if (backup == nullptr) throw SqliteError(sqlite3_errcode(to), sqlite3_errmsg(to));
  int code = SQLITE_OK;
  while (!stop && (code == SQLITE_OK || code == SQLITE_BUSY))
    code = sqlite3_backup_step(backup, kPagesAtOnce);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) throw SqliteError(code & 0xff, stop ? "it was stopped" : sqlite3_errstr(code));
}

// Every record of the copy is read; a copy of damage would pass for a backup.
std::string damage_of(const std::string& copy_path, const std::atomic<bool>& stop) {
  const auto report = check_journal(copy_path, [&](std::uint64_t, std::uint64_t) {
    if (stop) throw SqliteError(SQLITE_INTERRUPT, "it was stopped");
  });
  if (report.clean()) return {};
  return "backup: the journal is damaged, " + report.problems.front() +
         "; 'trainbus-broker repair STATE_DIR' makes a whole one, with the broker stopped";
}

std::string copy_journal(const std::string& journal_path, const std::string& copy_path, const std::atomic<bool>& stop) {
  try {
    const int fd = open(copy_path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) return "backup '" + copy_path + "': " + std::strerror(errno);
    close(fd);
    const auto from = open_sqlite(journal_path, SQLITE_OPEN_READONLY);
    const auto to = open_sqlite(copy_path, SQLITE_OPEN_READWRITE);
    execute(from.get(), "BEGIN");
    execute(from.get(), "SELECT count(*) FROM sqlite_schema");  // the view begins here
    execute(to.get(), "PRAGMA synchronous=OFF");                // a copy that a power cut breaks is made anew
    copy_pages(from.get(), to.get(), stop);
    execute(to.get(), "PRAGMA journal_mode=DELETE");  // one file, with nothing beside it
    return damage_of(copy_path, stop);
  } catch (const SqliteError& error) {
    return std::string("backup: ") + error.what();
  }
}

}  // namespace

BackupDesk::BackupDesk(std::string journal_path, std::string folder)
    : journal_path_(std::move(journal_path)), folder_(std::move(folder)) {
  std::error_code error;
  for (fs::directory_iterator file(folder_, error), end; !error && file != end; file.increment(error))
    if (file->path().filename().string().starts_with("backup-")) unlink(file->path().c_str());
}

BackupDesk::~BackupDesk() { remove_copy(); }

void BackupDesk::remove_copy() {
  stop_ = true;  // between two steps: some milliseconds
  if (copying_.valid()) copying_.wait();
  stop_ = false;
  copying_ = {};
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  if (!id_.empty())
    for (const auto* suffix : {"", "-journal", "-wal", "-shm"})
      unlink((copy_path() + suffix).c_str());
  id_.clear();
  problem_.clear();
  total_bytes_ = 0;
}

// One line when it cannot be made.
std::string BackupDesk::begin() {
  const auto needed = size_of(journal_path_) + size_of(journal_path_ + "-wal") + kSpareBytes;
  struct statvfs system {};
  if (statvfs(folder_.c_str(), &system) != 0) return "'" + folder_ + "': " + std::strerror(errno);
  const auto free_bytes = static_cast<std::uint64_t>(system.f_bavail) * system.f_frsize;
  if (free_bytes < needed)
    return "a copy of the journal needs " + mebibytes(needed) + " in '" + folder_ + "', and " + mebibytes(free_bytes) +
           " are free";
  id_ = new_command_id();
  copying_ =
      std::async(std::launch::async, [this, to = copy_path()] { return copy_journal(journal_path_, to, stop_); });
  return {};
}

void BackupDesk::tick(std::int64_t now_ms) {
  if (copying_.valid() && copying_.wait_for(0s) == std::future_status::ready) {
    problem_ = copying_.get();
    total_bytes_ = problem_.empty() ? size_of(copy_path()) : 0;
    fd_ = problem_.empty() ? open(copy_path().c_str(), O_RDONLY | O_CLOEXEC) : -1;
    if (problem_.empty() && fd_ < 0) problem_ = "backup '" + copy_path() + "': " + std::strerror(errno);
    if (!problem_.empty()) spdlog::error("{}", problem_);
  }
  if (!id_.empty() && !copying_.valid() && now_ms - asked_ms_ >= kAbandonedMs) remove_copy();
}

std::variant<v1::BackupReply, std::string> BackupDesk::answer(const v1::BackupRequest& request, std::int64_t now_ms) {
  if (request.backup_id().empty() && !id_.empty()) return "another backup is under way";
  if (request.backup_id().empty()) {
    if (auto problem = begin(); !problem.empty()) return problem;
  } else if (request.backup_id() != id_) {
    return "no backup '" + request.backup_id().substr(0, 64) + "' is there (after a minute without a request it goes)";
  }
  asked_ms_ = now_ms;
  v1::BackupReply reply;
  reply.set_backup_id(id_);
  if (request.done()) {
    remove_copy();
    return reply;
  }
  if (!problem_.empty()) {
    const auto problem = problem_;
    remove_copy();
    return problem;
  }
  reply.set_preparing(fd_ < 0);
  if (fd_ < 0) return reply;
  const auto wanted = request.max_bytes() == 0 ? kDefaultPieceBytes : std::min(request.max_bytes(), kMaxPieceBytes);
  std::string piece(wanted, '\0');
  const auto got = request.offset() > total_bytes_
                       ? 0
                       : pread(fd_, piece.data(), piece.size(), static_cast<off_t>(request.offset()));
  if (got < 0) return std::string("backup: ") + std::strerror(errno);
  piece.resize(static_cast<std::size_t>(got));
  reply.set_offset(request.offset());
  reply.set_total_bytes(total_bytes_);
  reply.set_at_end(request.offset() + piece.size() >= total_bytes_);
  reply.set_data(std::move(piece));
  return reply;
}

}  // namespace trainbus
