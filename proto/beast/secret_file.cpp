#include "secret_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace trainbus {
namespace {

constexpr std::size_t kMaxBytes = 1 << 20;

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw std::runtime_error("file '" + path + "': " + why);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

bool write_all(int fd, const std::string& text) {
  for (std::size_t written = 0; written < text.size();) {
    const auto count = write(fd, text.data() + written, text.size() - written);
    if (count <= 0 && errno != EINTR) return false;
    if (count > 0) written += static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

std::optional<std::string> read_secret_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0 && errno == ENOENT) return std::nullopt;
  if (file.get() < 0) fail(path, errno == ELOOP ? "is a symbolic link" : std::strerror(errno));
  struct stat found {};
  if (fstat(file.get(), &found) != 0) fail(path, std::strerror(errno));
  if (!S_ISREG(found.st_mode)) fail(path, "is no file");
  if (found.st_uid != geteuid()) fail(path, "belongs to another user");
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0) fail(path, "others can read it; say chmod 600 " + path);
  std::string text(kMaxBytes + 1, '\0');
  const auto count = read(file.get(), text.data(), text.size());
  if (count < 0) fail(path, std::strerror(errno));
  if (static_cast<std::size_t>(count) > kMaxBytes) fail(path, "is larger than 1 MiB");
  text.resize(static_cast<std::size_t>(count));
  return text;
}

void write_secret_file(const std::string& path, const std::string& text) {
  const std::string part = path + ".part" + std::to_string(getpid());
  unlink(part.c_str());
  const Descriptor file(open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (file.get() >= 0 && write_all(file.get(), text) && rename(part.c_str(), path.c_str()) == 0) return;
  const int error = errno;
  unlink(part.c_str());
  fail(path, std::strerror(error));
}

std::uint64_t file_version(const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return 0;
  std::uint64_t version = 1;
  for (const auto part : {static_cast<std::uint64_t>(found.st_ino), static_cast<std::uint64_t>(found.st_ctim.tv_sec),
                          static_cast<std::uint64_t>(found.st_ctim.tv_nsec)})
    version = version * 1'000'003 + part;
  return version | 1;
}

}  // namespace trainbus
