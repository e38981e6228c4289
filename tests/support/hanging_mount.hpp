#pragma once
// A folder that hangs, as one of a file server that is away: a FUSE mount of which nobody answers. Only this process
// and its children see it.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace trainbus::test {

// Needs /dev/fuse and CAP_SYS_ADMIN; problem() says when they are not there. Processes that are started after the first
// one of these was made see all later ones, too.
class HangingMount {
 public:
  HangingMount() : fuse_(open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
    if (fuse_ < 0 || unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      problem_ = std::string("nothing can be mounted here: ") + std::strerror(errno);
  }
  ~HangingMount() { end(); }
  HangingMount(const HangingMount&) = delete;
  HangingMount& operator=(const HangingMount&) = delete;

  const std::string& problem() const { return problem_; }

  // Who looks into `folder` waits from now on.
  bool begin(const std::string& folder) {
    folder_ = folder;
    const auto options = "fd=" + std::to_string(fuse_) + ",rootmode=40000,user_id=0,group_id=0";
    return mount("none", folder.c_str(), "fuse", 0, options.c_str()) == 0;
  }
  // Who waits is answered with an error, and the folder is as it was.
  void end() {
    if (fuse_ < 0) return;
    close(std::exchange(fuse_, -1));
    if (!folder_.empty()) umount2(folder_.c_str(), MNT_DETACH);
  }

 private:
  int fuse_;
  std::string folder_;
  std::string problem_;
};

}  // namespace trainbus::test
