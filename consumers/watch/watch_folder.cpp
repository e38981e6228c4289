#include "watch_folder.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "trainbus/own_folder.hpp"

namespace trainbus {

WatchFolder::WatchFolder(std::string path) : path_(std::move(path)) {
  try {
    const auto tightened = make_own_folder(path_);
    if (!tightened.empty()) spdlog::info("{}", tightened);
  } catch (const std::runtime_error&) {
    // Opening the lock says why.
  }
  const std::string lock = path_ + "/lock";
  lock_fd_ = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) throw std::runtime_error("--state-dir '" + path_ + "' cannot be used: " + std::strerror(errno));
  if (flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return;
  close(lock_fd_);
  throw std::runtime_error("--state-dir '" + path_ + "' is in use by another trainbus-watch; give each one its own");
}

WatchFolder::~WatchFolder() { close(lock_fd_); }

}  // namespace trainbus
