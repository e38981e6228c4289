#include "broker/state_folder.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "broker/journal_files.hpp"
#include "trainbus/own_folder.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLock = "broker/lock";

std::runtime_error unusable(const std::string& path, const std::string& why) {
  return std::runtime_error("state folder '" + path + "' " + why);
}

// Without a slash at its end, which would follow a symbolic link.
std::string absolute_path(const std::string& path) {
  std::error_code error;
  auto whole = fs::absolute(path, error).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  if (path.empty() || error) throw unusable(path, "is no path");
  return whole.string();
}

void check_whose(const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return;  // made next, or said why not
  if (S_ISLNK(found.st_mode)) {
    std::error_code error;
    const auto target = fs::read_symlink(path, error).string();
    throw unusable(path, "is a symbolic link to '" + target + "': name that folder itself");
  }
  if (!S_ISDIR(found.st_mode)) throw unusable(path, "is no folder");
  if (found.st_uid != geteuid())
    throw unusable(path, "belongs to user " + std::to_string(found.st_uid) + ", and this broker runs as user " +
                             std::to_string(geteuid()) + ": give it a folder of its own");
}

void take_for_own(const std::string& path) {
  std::string tightened;
  try {
    tightened = make_own_folder(path);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(std::string("state ") + error.what());
  }
  bool files = false;
  for (const auto* name : {"/journal.sqlite", "/journal.sqlite-wal", "/journal.sqlite-shm", "/broker_id", "/lock"})
    files = make_own_file(path + name) || files;
  if (!tightened.empty() || files)
    spdlog::info("{}",
                 tightened.empty() ? "files in '" + path + "' were open to others, now they are 0600" : tightened);
}

// The process that holds a lock on this file, as the kernel tells; 0: not known.
long lock_holder(int fd) {
  struct stat file {};
  if (fstat(fd, &file) != 0) return 0;
  const std::string inode = ':' + std::to_string(file.st_ino);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, type, mode, access, where;
    long process = 0;
    if (words >> number >> type >> mode >> access >> process >> where && type == "FLOCK" && where.ends_with(inode))
      return process;
  }
  return 0;
}

long written_process(int fd) {
  char text[32] = {};
  return pread(fd, text, sizeof text - 1, 0) > 0 ? std::atol(text) : 0;
}

std::string who_holds(int fd) {
  const long broker = written_process(fd);
  const long holder = lock_holder(fd);
  if (broker > 0 && (holder == 0 || holder == broker))
    return "is in use by another broker (process " + std::to_string(broker) + ")";
  return "cannot be locked: its lock is held by " +
         (holder == 0 ? std::string("another process") : "process " + std::to_string(holder)) + ", which is no broker";
}

int take_lock(const std::string& path, const std::string& lock_path) {
  const int fd = open(lock_path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) throw unusable(path, std::string("cannot be used: ") + std::strerror(errno));
  const std::string process = std::to_string(getpid()) + '\n';
  std::string why;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0)
    why = errno == EWOULDBLOCK ? who_holds(fd) : std::string("cannot be locked: ") + std::strerror(errno);
  else if (ftruncate(fd, 0) != 0 || pwrite(fd, process.data(), process.size(), 0) < 0)
    why.clear();  // a full disk: the lock holds all the same
  if (why.empty()) return fd;
  close(fd);
  throw unusable(path, why);
}

bool is_id(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Read, or made with the folder. A disk without room gives one for this process only: it is made at the next start.
// Where there is no journal either there is nothing to start with.
std::string id_of(const std::string& folder) {
  const std::string path = folder + "/broker_id";
  std::string id;
  std::ifstream(path) >> id;
  if (is_id(id)) return id;
  if (!id.empty()) spdlog::warn("'{}' is damaged: this broker gets a new id", path);
  id = new_command_id();
  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
  const std::string line = id + '\n';
  const bool written = fd >= 0 && write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
                       fsync(fd) == 0 && std::rename(fresh.c_str(), path.c_str()) == 0;
  const std::string why = written ? "" : std::strerror(errno);
  if (fd >= 0) close(fd);
  if (written) return id;
  std::remove(fresh.c_str());
  struct stat journal {};
  if (stat((folder + "/journal.sqlite").c_str(), &journal) == 0 && journal.st_size == 0)
    throw unusable(folder, "cannot be used: 'broker_id' cannot be written: " + why);
  spdlog::warn("'{}' cannot be written: {}", path, why);
  return id;
}

}  // namespace

StateFolder::StateFolder(const std::string& path) : path_(absolute_path(path)) {
  check_whose(path_);
  take_for_own(path_);
  try {
    make_own_folder(path_ + "/broker");
  } catch (const std::runtime_error& error) {
    throw unusable(path_, std::string("cannot be used: ") + error.what());
  }
  lock_fd_ = take_lock(path_, lock_path());
  try {
    make_private_file(journal_path());
    broker_id_ = id_of(path_);
  } catch (...) {
    close(lock_fd_);
    throw;
  }
}

std::string StateFolder::lock_path() const { return path_ + '/' + kLock; }

StateFolder::~StateFolder() { close(lock_fd_); }

std::vector<std::string> files_of_journal(const std::string& journal_path) {
  const auto lock = fs::path(journal_path).parent_path() / kLock;
  return {journal_path, journal_path + "-wal", journal_path + "-shm", lock.string()};
}

FilesInPlace::FilesInPlace(const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    struct stat found {};
    if (stat(path.c_str(), &found) == 0) files_.push_back({path, found.st_dev, found.st_ino});
  }
}

std::string FilesInPlace::problem() const {
  for (const auto& file : files_) {
    struct stat found {};
    if (stat(file.path.c_str(), &found) != 0) return "'" + file.path + "' is gone (" + std::strerror(errno) + ")";
    if (found.st_dev != file.device || found.st_ino != file.inode)
      return "'" + file.path + "' is no longer the file that this broker writes: it was replaced or mounted over";
  }
  struct statvfs system {};
  if (!files_.empty() && statvfs(files_.front().path.c_str(), &system) == 0 && (system.f_flag & ST_RDONLY) != 0)
    return "'" + files_.front().path + "' is on a file system that became read-only";
  return {};
}

}  // namespace trainbus
