#include "position_file.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "trainbus/heads_file.hpp"
#include "trainbus/own_folder.hpp"

namespace trainbus {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw std::runtime_error('\'' + path + "': " + why);
}

}  // namespace

PositionFile::PositionFile(const std::string& folder, const SinkPlan& plan)
    : folder_(folder), path_(folder + '/' + plan.label + '-' + plan.hash() + ".heads") {}

PositionFile::~PositionFile() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

void PositionFile::lock() {
  if (lock_fd_ >= 0) return;
  const auto tightened = make_own_folder(folder_);
  if (!tightened.empty()) spdlog::info("{}", tightened);
  const auto path = path_ + ".lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) fail(path, std::strerror(errno));
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    lock_fd_ = fd;
    return;
  }
  ::close(fd);
  fail(path, "another trainbus-log runs a sink of this name with these options");
}

StreamHeads PositionFile::load() {
  lock();
  return load_position(path_, "everything is written again").value_or(StreamHeads{});
}

void PositionFile::save(const StreamHeads& heads) const {
  if (!save_position(path_, heads)) fail(path_, std::string("cannot be written: ") + std::strerror(errno));
}

}  // namespace trainbus
