#include "position_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "secrets.hpp"
#include "trainbus/heads_file.hpp"

namespace trainbus {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw std::runtime_error('\'' + path + "': " + why);
}

// FNV-1a.
std::string hash_of(const SinkPlan& plan) {
  std::uint64_t hash = 14695981039346656037U;
  const auto add = [&](std::string_view text) {
    for (const char byte : text)
      hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211U;
    hash *= 1099511628211U;
  };
  add(plan.type->name);
  const Secrets secrets(plan);
  for (const auto& value : plan.values)
    add(secrets.scrub(value));
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

}  // namespace

PositionFile::PositionFile(const std::string& folder, const SinkPlan& plan)
    : path_(folder + '/' + plan.label + '-' + hash_of(plan) + ".heads") {
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
