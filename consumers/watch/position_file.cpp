#include "position_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace trainbus {
namespace {

constexpr std::string_view kMagic = "trainbus-watch-position-1";

bool write_all(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const auto count = write(fd, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

std::optional<StreamHeads> load_position(const std::string& path) {
  std::ifstream in(path);
  if (!in && !std::filesystem::exists(path)) return std::nullopt;
  StreamHeads heads;
  std::string word;
  std::size_t streams = 0;
  bool whole = static_cast<bool>(in >> word >> streams) && word == kMagic;
  for (std::size_t i = 0; whole && i < streams; ++i) {
    StreamKey stream{.session_id = {}, .incarnation = 0, .kind = v1::KIND_ALERT};
    std::uint64_t sequence = 0;
    whole = static_cast<bool>(in >> stream.session_id >> stream.incarnation >> sequence);
    if (whole) heads.emplace(std::move(stream), sequence);
  }
  if (!whole || !(in >> word) || word != "end")
    throw std::runtime_error(path +
                             " is not a whole position file of trainbus-watch; remove it, and that channel starts "
                             "with what is raised from then on");
  return heads;
}

bool save_position(const std::string& path, const StreamHeads& heads) {
  std::ostringstream text;
  text << kMagic << ' ' << heads.size() << '\n';
  for (const auto& [stream, sequence] : heads)
    text << stream.session_id << ' ' << stream.incarnation << ' ' << sequence << '\n';
  text << "end\n";
  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool written = write_all(fd, text.str()) && fsync(fd) == 0;
  const int error = errno;
  close(fd);
  errno = error;
  return written && std::rename(fresh.c_str(), path.c_str()) == 0;
}

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

std::string default_watch_state_dir() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state != '\0') return std::string(state) + "/trainbus/watch";
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr && *home != '\0' ? home : ".") + "/.local/state/trainbus/watch";
}

}  // namespace trainbus
