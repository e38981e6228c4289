#include "spool_file.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <system_error>

namespace trainbus {
namespace {

[[noreturn]] void fail(int error, const std::filesystem::path& path) {
  throw std::system_error(error, std::generic_category(), path.string());
}

class File {
 public:
  File(const std::filesystem::path& path, int flags)
      : path_(path), fd_(open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (fd_ < 0 && errno != ENOENT) fail(errno, path);
  }
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool exists() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  bool has(std::size_t bytes) const {
    struct stat facts {};
    if (fstat(fd_, &facts) != 0) fail(errno, path_);
    return static_cast<std::size_t>(facts.st_size) >= bytes;
  }
  void write(std::size_t offset, std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) fail(count == 0 ? EIO : errno, path_);
      offset += static_cast<std::size_t>(count);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

 private:
  const std::filesystem::path& path_;
  const int fd_;
};

sigset_t file_size_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGXFSZ);
  return set;
}

bool is_waiting() {
  sigset_t waiting;
  sigpending(&waiting);
  return sigismember(&waiting, SIGXFSZ) == 1;
}

}  // namespace

FileSizeSignalHeld::FileSizeSignalHeld() {
  const sigset_t set = file_size_signal();
  sigset_t before;
  held_ = !is_waiting() && pthread_sigmask(SIG_BLOCK, &set, &before) == 0 && sigismember(&before, SIGXFSZ) == 0;
}

FileSizeSignalHeld::~FileSizeSignalHeld() {
  if (!held_) return;
  const sigset_t set = file_size_signal();
  const timespec now{};
  while (is_waiting() && sigtimedwait(&set, nullptr, &now) < 0 && errno == EINTR) {
  }
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void create_spool_file(const std::filesystem::path& path, std::string_view bytes, std::size_t reserve) {
  const File file(path, O_CREAT | O_WRONLY);
  if (!file.exists()) fail(ENOENT, path);
  if (const int error = posix_fallocate(file.fd(), 0, static_cast<off_t>(reserve)); error != 0) {
    unlink(path.c_str());
    fail(error, path);
  }
  file.write(0, bytes);
}

bool write_spool_file(const std::filesystem::path& path, std::size_t offset, std::string_view bytes,
                      std::size_t reserve) {
  const File file(path, O_WRONLY);
  if (!file.exists() || !file.has(reserve)) return false;
  file.write(offset, bytes);
  return true;
}

bool spool_file_is_whole(const std::filesystem::path& path, std::size_t reserve) {
  const File file(path, O_WRONLY);
  return file.exists() && file.has(reserve);
}

void cut_spool_file(const std::filesystem::path& path, std::size_t bytes) {
  if (truncate(path.c_str(), static_cast<off_t>(bytes)) != 0) return;
}

void set_aside_spool_file(const std::filesystem::path& path) {
  rename(path.c_str(), (path.string() + ".damaged").c_str());
}

}  // namespace trainbus
