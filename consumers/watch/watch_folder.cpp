#include "watch_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace trainbus {

WatchFolder::WatchFolder(std::string path) : path_(std::move(path)) {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  const std::string lock = path_ + "/lock";
  lock_fd_ = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) throw std::runtime_error("--state-dir '" + path_ + "' cannot be used: " + std::strerror(errno));
  if (flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return;
  close(lock_fd_);
  throw std::runtime_error("--state-dir '" + path_ + "' is in use by another trainbus-watch; give each one its own");
}

WatchFolder::~WatchFolder() { close(lock_fd_); }

}  // namespace trainbus
