#include "position_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "trainbus/heads_file.hpp"

namespace trainbus {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw std::runtime_error('\'' + path + "': " + why);
}

}  // namespace

PositionFile::PositionFile(const std::string& folder, const SinkPlan& plan)
    : path_(folder + '/' + plan.label + '-' + plan.hash() + ".heads") {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) fail(folder, error.message());
  const auto lock = path_ + ".lock";
  lock_fd_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_fd_ < 0) fail(lock, std::strerror(errno));
  if (flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return;
  ::close(lock_fd_);
  fail(lock, "another trainbus-log runs a sink called '" + plan.label + "' with these options");
}

PositionFile::~PositionFile() { ::close(lock_fd_); }

StreamHeads PositionFile::load() const {
  return load_position(path_, "everything is written again").value_or(StreamHeads{});
}

void PositionFile::save(const StreamHeads& heads) const {
  if (!save_position(path_, heads)) fail(path_, std::string("cannot be written: ") + std::strerror(errno));
}

}  // namespace trainbus
