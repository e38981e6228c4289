#pragma once
// A small disk of one's own: a tmpfs that only this process and its children see, and that ends with them.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace trainbus::test {

// Needs CAP_SYS_ADMIN; problem() says when it is not there. Threads and processes that are started later see it.
class PrivateMount {
 public:
  PrivateMount(std::filesystem::path folder, std::size_t bytes) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    const std::string size = "size=" + std::to_string(bytes);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", folder_.c_str(), "tmpfs", 0, size.c_str()) != 0)
      problem_ = std::string("no tmpfs can be mounted here: ") + std::strerror(errno);
  }
  ~PrivateMount() {
    if (problem_.empty()) umount2(folder_.c_str(), MNT_DETACH);
  }
  PrivateMount(const PrivateMount&) = delete;
  PrivateMount& operator=(const PrivateMount&) = delete;

  const std::string& problem() const { return problem_; }
  const std::filesystem::path& folder() const { return folder_; }

  // Takes all the space that is left.
  void fill() const {
    const int fd = open(ballast().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) throw std::runtime_error("no ballast: " + std::string(std::strerror(errno)));
    const std::string block(4096, '\x55');
    for (off_t at = 0; pwrite(fd, block.data(), block.size(), at) > 0;)
      at += static_cast<off_t>(block.size());
    close(fd);
  }
  void free() const { std::filesystem::remove(ballast()); }
  void make_read_only() const {
    if (mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0)
      throw std::runtime_error("cannot remount: " + std::string(std::strerror(errno)));
  }

 private:
  std::filesystem::path ballast() const { return folder_ / "ballast"; }

  std::filesystem::path folder_;
  std::string problem_;
};

}  // namespace trainbus::test
