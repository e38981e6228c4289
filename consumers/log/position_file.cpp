#include "position_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "files/heads_file.hpp"
#include "secrets.hpp"

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

std::string default_log_state_dir() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0')
    return std::string(state) + "/trainbus/log";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return std::string(home) + "/.local/state/trainbus/log";
  throw std::runtime_error("neither XDG_STATE_HOME nor HOME is set; say --state-dir");
}

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
  if (!std::filesystem::exists(path_)) return {};
  auto saved = load_heads(path_);
  if (!saved) fail(path_, "is damaged; without it everything is written again: delete it if that is good");
  return std::move(saved->heads);
}

void PositionFile::save(const StreamHeads& heads) const {
  if (!save_heads(path_, {.offset = 0, .tail_check = 0, .heads = heads}, Durable::kYes))
    fail(path_, "cannot be written");
}

}  // namespace trainbus
